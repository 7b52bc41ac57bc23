"""Are newer customers better or worse? One comparison, said alike in every report."""

from __future__ import annotations

from crmlab.customers.prospects import EARLY_DAYS, compare_cohorts
from crmlab.customers.study import Study
from crmlab.reporting.language import Quantity, count, number
from crmlab.reporting.pages import Sentence, say
from crmlab.reporting.privacy import told_period


def newer_or_older(study: Study) -> tuple[Sentence, Sentence]:
    """What was found, and the decision that follows from it."""
    compared = compare_cohorts(study, told_period(study.customers["first_date"], "month"))
    if compared is None:
        return say("newer.unknown", days=count(EARLY_DAYS)), say("decision.newer_unknown")
    found = say(
        f"newer.{compared.verdict}",
        days=count(EARLY_DAYS),
        first=number(compared.first),
        last=number(compared.last),
        first_name=Quantity(compared.first_name, "period"),
        last_name=Quantity(compared.last_name, "period"),
    )
    return found, say(f"decision.newer_{compared.verdict}")
