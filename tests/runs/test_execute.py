from crmlab import errors
from crmlab.runs.execute import refusals


def test_every_refusal_is_known_by_name() -> None:
    """Each error of crmlab.errors keeps its exit code on its way out of the kernel."""
    family = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.CrmlabError)
    }

    assert family == refusals()
    assert {2, 3, 4, 70, 75} == {kind.exit_code for kind in refusals().values()}
