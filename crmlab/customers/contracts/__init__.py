"""Retention where leaving is seen: contracts that come up for renewal."""
