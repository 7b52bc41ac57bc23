"""A base takes what is new, knows what it has, keeps what was corrected as past."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import NoUsableRows, TemporaryError, UntrustedSource, WrongParameter
from crmlab.intake.columns import Mapping
from crmlab.intake.customer_base import store
from crmlab.intake.customer_base.address import Address, address_of
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.loading import Load, LoadRefused, Unusable
from crmlab.intake.customer_base.status import Gap
from crmlab.intake.log import read_transactions
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

PLAIN = "customer_id,date,amount"
KEYED = "customer_id,date,amount,transaction_id"
LINES = "customer_id,date,quantity,price,transaction_id,product"
Write = Callable[..., Path]
Take = Callable[..., Load]


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    """A base that is not there yet."""
    return CustomerBase(tmp_path / "base")


@pytest.fixture
def take(base: CustomerBase, write: Write) -> Take:
    """Load a file of these lines."""

    def _take(*lines: str, head: str = PLAIN, **options: object) -> Load:
        return base.load(write("\n".join((head, *lines))), **options)  # type: ignore[arg-type]

    return _take


def counts(done: Load) -> tuple[int, int, int]:
    """Rows that were new, known already, and corrected."""
    return done.added, done.known, done.superseded


def rows_of(base: CustomerBase, as_of: str | None = None) -> pd.DataFrame:
    """What the base exports."""
    path = base.folder.parent / "export.parquet"
    base.export(path, as_of)
    return pd.read_parquet(path)


def amounts(base: CustomerBase, as_of: str | None = None) -> list[float]:
    """The amounts in the base, as they were known."""
    return [float(amount) for amount in rows_of(base, as_of)["amount"]]


def test_the_same_file_twice_changes_nothing(base: CustomerBase, take: Take) -> None:
    """It is recognised by its content, not by its name."""
    first = take("a,2024-01-05,10")
    before = (base.folder / "base.duckdb").read_bytes()
    again = take("a,2024-01-05,10")

    assert (first.load, False, 1) == (again.load, first.repeated, first.added)
    assert again.repeated
    assert before == (base.folder / "base.duckdb").read_bytes()


def test_the_same_file_read_otherwise_is_refused(take: Take) -> None:
    """Its rows would count twice, once as each reading has them."""
    take("a,01/02/2024,10", reading=Reading(date_order="dmy"))

    with pytest.raises(LoadRefused, match=r"as load 1, but was read otherwise then: .*dmy"):
        take("a,01/02/2024,10", reading=Reading(date_order="mdy"))


def test_c26_overlapping_files_count_once(base: CustomerBase, take: Take) -> None:
    """Rows without a key are known by all that they say."""
    take("a,2024-01-05,10", "b,2024-01-06,20")
    done = take("b,2024-01-06,20.00", "c,2024-01-07,30")

    assert (1, 1, 0) == counts(done)
    assert [10, 20, 30] == amounts(base)


@pytest.mark.parametrize(("brought", "added"), [(1, 0), (2, 0), (3, 1)])
def test_of_equal_rows_only_those_beyond_are_new(take: Take, brought: int, added: int) -> None:
    """A file with k of them adds max(0, k - m) to the m that the base has."""
    take("a,2024-01-05,10", "a,2024-01-05,10", "z,2024-01-05,1")
    done = take(*["a,2024-01-05,10"] * brought, "y,2024-01-05,1")

    assert (added + 1, brought - added, 0) == counts(done)


def test_a_row_that_cannot_be_read_is_known_when_it_comes_again(
    base: CustomerBase, take: Take
) -> None:
    """It is kept as it was written, and compared so."""
    take("a,2024-01-05,10", "a,2024-01-06,ten", "x", ",2024-01-07,5")
    done = take("a,2024-01-06,ten", "x", ",2024-01-07,5", "a,2024-01-06,eleven")
    kept = rows_of(base)
    texts = [json.loads(text) for text in kept["original"].dropna()]

    assert (1, 3, 0) == counts(done)
    assert {"line": "x"} in texts
    assert {"customer_id": "a", "date": "2024-01-06", "amount": "ten"} in texts
    assert {"no_customer": 1, "amount_unreadable": 2, "field_count": 1} == (
        kept["reason"].value_counts().to_dict()
    )


def test_a_correction_by_key_supersedes(base: CustomerBase, take: Take) -> None:
    """The corrected row is what is known from then on; until then it was the other."""
    take("a,2024-01-05,10,t1", "b,2024-01-05,20,t2", head=KEYED, loaded_on="2024-02-01")
    done = take("a,2024-01-05,12,t1", "b,2024-01-05,20,t2", head=KEYED, loaded_on="2024-03-01")

    assert (1, 1, 1) == counts(done)
    assert [12, 20] == amounts(base)
    assert [10, 20] == amounts(base, "2024-02-29")
    assert [12, 20] == amounts(base, "2024-03-01")


def test_a_correction_may_change_customer_and_day(base: CustomerBase, take: Take) -> None:
    """The key alone says which row it was."""
    take("a,2024-01-05,10,t1", head=KEYED)
    done = take("b,2024-01-09,10,t1", head=KEYED)

    assert (1, 0, 1) == counts(done)
    assert ["b"] == list(rows_of(base)["customer_id"])


def test_a_correction_may_mend_what_could_not_be_read(base: CustomerBase, take: Take) -> None:
    """A faulty row has its key too."""
    take("a,2024-01-05,ten,t1", head=KEYED)
    take("a,2024-01-05,10,t1", head=KEYED)

    assert [10] == amounts(base)


def test_lines_of_orders_are_corrected_by_order_and_product(base: CustomerBase, take: Take) -> None:
    """The other lines of the order stay."""
    take("a,2024-01-05,1,10,t1,pen", "a,2024-01-05,2,10,t1,ink", head=LINES)
    done = take("a,2024-01-05,5,10,t1,ink", head=LINES)

    assert (1, 0, 1) == counts(done)
    assert [10, 50] == sorted(amounts(base))


def test_a_key_with_two_contents_is_refused(base: CustomerBase, take: Take) -> None:
    """Within one load nothing says which of them is right; nothing of the load is taken."""
    take("a,2024-01-05,10,t1", head=KEYED)

    with pytest.raises(UntrustedSource, match="t2"):
        take("a,2024-01-06,10,t2", "a,2024-01-06,11,t2", head=KEYED)
    assert 1 == base.status().balance["read"]


def test_late_rows_are_taken(base: CustomerBase, take: Take) -> None:
    """A row may be of a day long before those that are there; it is known from its load on."""
    take("a,2024-01-05,10", loaded_on="2024-02-01")
    take("a,2023-06-01,5", loaded_on="2024-02-02")

    assert [5, 10] == amounts(base)
    assert [10] == amounts(base, "2024-02-01")


def test_the_past_cannot_be_loaded_into(take: Take) -> None:
    """What was known on a day does not change afterwards."""
    take("a,2024-01-05,10", loaded_on="2024-02-01")

    with pytest.raises(
        WrongParameter, match="not before that of the last load or withdrawal, 2024-02-01"
    ):
        take("a,2024-01-06,10", loaded_on="2024-01-31")
    with pytest.raises(WrongParameter, match="not after today"):
        take("a,2024-01-06,10", loaded_on=dt.date.today() + dt.timedelta(1))


def test_other_columns_are_refused(take: Take) -> None:
    """Rows that say more or less than those in the base cannot be compared with them."""
    take("a,2024-01-05,10")

    with pytest.raises(LoadRefused, match="it also has transaction_id"):
        take("a,2024-01-05,10,t1", head=KEYED)


def test_another_currency_is_refused(take: Take) -> None:
    """Currencies do not add up, in one file or in many."""
    take("a,2024-01-05,10 EUR")

    with pytest.raises(LoadRefused, match="amounts in EUR, this file in USD"):
        take("a,2024-01-06,10 USD")


def test_other_folding_of_ids_is_refused(take: Take) -> None:
    """'a' and 'A' are one customer in all loads or in none."""
    take("a,2024-01-05,10", meaning=Meaning(fold_case=True))

    with pytest.raises(LoadRefused, match="fold_case=true"):
        take("A,2024-01-06,10")


def test_a_broken_file_is_refused_and_a_quiet_day_is_not(base: CustomerBase, take: Take) -> None:
    """One bad row out of one is a quiet day; thirty out of forty are a broken file."""
    done = take("a,2024-01-05,ten")

    assert (Unusable("amount_unreadable", 1, "line 2: amount 'ten'"),) == done.unusable
    with pytest.raises(UntrustedSource, match="30 rows"):
        take(*[f"a,2024-01-06,{n}" for n in range(10)], *[f"a,2024-01-07,x{n}" for n in range(30)])
    assert 1 == base.status().balance["read"]


@pytest.mark.parametrize(
    ("faulty", "good", "taken"),
    [(3, 0, True), (4, 0, False), (4, 4, False), (4, 5, True), (20, 21, True), (21, 40, False)],
)
def test_what_is_mostly_faulty_is_refused_however_small(
    take: Take, faulty: int, good: int, taken: bool
) -> None:
    """Half of a file, if more than three rows; of what is taken, the load tells the faults."""
    bad = [f"a,2024-01-{n + 1:02},x{n}" for n in range(faulty)]
    rows = [*bad, *[f"b,2024-02-{n % 28 + 1:02},{n + 1}" for n in range(good)]]

    if taken:
        assert [faulty] == [one.rows for one in take(*rows).unusable]
    else:
        with pytest.raises(UntrustedSource, match=f"{faulty} rows.*first: line 2: amount 'x0'"):
            take(*rows)


def test_a_lone_return_is_taken_and_matched_when_read(base: CustomerBase, take: Take) -> None:
    """The purchase that it takes back came in an earlier load."""
    take("a,2024-01-05,10", "a,2024-01-09,30", "b,2024-01-05,10")
    take("a,2024-01-12,-30")
    account = read_transactions(base.folder).account("2024-01-12")

    assert (1, 0) == (account.returned.matched_rows, account.returned.unmatched_rows)
    assert 2 == account.occasions


def test_every_row_ever_loaded_is_accounted_for(base: CustomerBase, take: Take) -> None:
    """Read = in the base + known + superseded + of erased people; each is counted apart."""
    take("a,2024-01-05,10,t1", "b,2024-01-05,20,t2", "c,2024-01-05,ten,t3", head=KEYED)
    take("a,2024-01-05,12,t1", "b,2024-01-05,20,t2", head=KEYED)
    base.block("b")
    base.destroy("b")
    take("b,2024-01-05,20,t2", "d,2024-01-05,1,t4", head=KEYED)
    balance = base.status().balance

    assert balance == {
        "read": 7, "live": 3, "superseded": 1, "known": 1, "refused": 1, "destroyed": 1
    }  # fmt: skip


def test_a_base_reads_as_its_files_do_at_once(base: CustomerBase, write: Write, take: Take) -> None:
    """The same account, flags and summary, returns and faults included."""
    first = ["a,2024-01-05,10", "a,2024-02-05,10.5", "b,2024-01-07,30", ",2024-01-08,4", "x"]
    second = ["a,2024-03-05,-10.5", "b,2024-04-01,30", "c,2024-05-01,0", "d,2024-05-02,n/a"]
    second += ["e,2024-05-03,-5", "GUEST,2024-05-04,7", "a,2025-01-01,3"]
    take(*first)
    take(*second)
    whole = read_transactions(
        write("\n".join((PLAIN, *first, *second)), "whole.csv"), limit=1, reason_limit=1
    )
    kept = read_transactions(base.folder, limit=1, reason_limit=1)
    ours, theirs = kept.account("2024-12-31"), whole.account("2024-12-31")

    assert theirs.table().equals(ours.table())
    assert (theirs.sales, theirs.returned, theirs.flags) == (ours.sales, ours.returned, ours.flags)
    assert whole.summarize("2024-12-31").equals(kept.summarize("2024-12-31"))


def test_options_that_the_loads_settled_are_refused_when_reading(
    base: CustomerBase, take: Take
) -> None:
    """They can change nothing any more, and passing them over would be a lie."""
    take("a,2024-01-05,10")

    for options in ({"fold_case": True}, {"decimal": "comma"}, {"customer_id": "Client"}):
        with pytest.raises(WrongParameter):
            read_transactions(base.folder, **options)  # type: ignore[arg-type]


def test_an_unread_amount_stays_unread_in_the_base(base: CustomerBase, take: Take) -> None:
    """12.34 is no number where commas part decimals, whatever reads the base later."""
    comma = Reading(decimal="comma")
    take(
        "a;2024-01-05;10,50",
        "a;2024-01-06;12.34",
        "a;2024-01-07;1.234,5",
        head=PLAIN.replace(",", ";"),
        reading=comma,
    )
    account = read_transactions(base.folder, limit=1, reason_limit=1).account("2024-01-07")

    assert 1 == account.set_aside["amount_unreadable"].records
    assert "12.34" == account.examples["amount_unreadable"][0].text["amount"]
    assert "1245.00" == str(account.used.money)


def test_a_source_may_name_folder_and_day() -> None:
    """base, base:FOLDER, base@DAY; anything else is a file."""
    day = dt.date(2024, 6, 30)

    assert Address() == address_of("base")
    assert Address(Path("x/y")) == address_of("base:x/y")
    assert Address(as_of=day) == address_of("base@2024-06-30")
    assert Address(Path("x"), day) == address_of("base:x@2024-06-30")
    assert None is address_of("bases")
    assert None is address_of("base.csv")
    assert None is address_of(pd.DataFrame())
    with pytest.raises(WrongParameter, match="a day that there is"):
        address_of("base@2024-02-30")


def test_a_base_is_read_as_of_a_day_by_its_name(base: CustomerBase, take: Take) -> None:
    """And its fingerprint is that of what was known."""
    take("a,2024-01-05,10", "b,2024-01-06,5", loaded_on="2024-02-01")
    early = read_transactions(f"base:{base.folder}")
    take("a,2024-01-09,10", loaded_on="2024-02-02")

    assert 3 == read_transactions(f"base:{base.folder}").records
    then = read_transactions(f"base:{base.folder}@2024-02-01")
    assert (2, early.fingerprint) == (then.records, then.fingerprint)
    assert early.fingerprint != read_transactions(base.folder).fingerprint
    with pytest.raises(NoUsableRows, match=r"its first load of purchases was on 2024-02-01\. Ask"):
        read_transactions(f"base:{base.folder}@2024-01-31")


def test_without_a_base_there_is_an_answer(tmp_path: Path) -> None:
    """It says how one is made."""
    for ask in (
        CustomerBase(tmp_path / "no").status,
        lambda: read_transactions(f"base:{tmp_path}"),
    ):
        with pytest.raises(store.NoBase, match="crmlab base load FILE"):
            ask()


def test_a_base_of_another_format_is_refused(
    base: CustomerBase, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables may mean something else."""
    take("a,2024-01-05,10")
    monkeypatch.setattr(store, "FORMAT", 3)

    with pytest.raises(store.UnreadableBase, match="format 2, this crmlab reads format 3"):
        base.status()


def test_a_file_that_is_no_base_is_refused(base: CustomerBase) -> None:
    """Whatever lies there is left alone."""
    base.folder.mkdir()
    (base.folder / "base.duckdb").write_bytes(b"something else" * 1000)

    with pytest.raises(store.UnreadableBase):
        base.status()
    with pytest.raises(store.UnreadableBase):
        base.load("cdnow-sample")
    assert b"something else" * 1000 == (base.folder / "base.duckdb").read_bytes()


def test_two_do_not_work_on_a_base_at_once(
    base: CustomerBase, take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is told to try again; readers share."""
    take("a,2024-01-05,10")
    monkeypatch.setattr(store, "PATIENCE", 0.1)

    with store._locked(base.folder, True), pytest.raises(TemporaryError, match="in use"):
        take("a,2024-01-06,10")
    with store._locked(base.folder, False):
        assert 1 == read_transactions(base.folder).records
        with pytest.raises(store.BaseBusy):
            take("a,2024-01-06,10")
    assert 75 == store.BaseBusy.exit_code


def test_nobody_but_the_owner_may_look(base: CustomerBase, take: Take) -> None:
    """Folder 0700, files 0600."""
    take("a,2024-01-05,10")

    assert 0o700 == base.folder.stat().st_mode & 0o777
    assert {0o600} == {path.stat().st_mode & 0o777 for path in base.folder.iterdir()}


def test_a_log_outlives_the_base_it_was_read_from(base: CustomerBase, take: Take) -> None:
    """It is a copy in memory: a load does not wait for it, and it does not change."""
    take("a,2024-01-05,10", "b,2024-01-07,1")
    log = read_transactions(base.folder)
    take("a,2024-01-06,10")

    assert 1 == log.summarize("2024-01-31").loc["a", "T"] * 7 // 26
    assert 2 == log.account("2024-01-31").used.records


def test_missing_days_are_told(base: CustomerBase, take: Take) -> None:
    """Empty days are told where the same weekdays usually have rows; a closed Sunday is not."""
    days = pd.date_range("2024-01-01", "2024-06-30")
    open_days = [d for d in days if d.day_of_week < 6 and d.strftime("%m") != "04"]
    take(*[f"c{n},{day:%Y-%m-%d},{n + 1}" for day in open_days for n in range(3)])
    (gap,) = base.status().gaps

    assert Gap(dt.date(2024, 3, 31), dt.date(2024, 4, 30), 78) == gap


def test_the_status_is_for_people_and_programs(base: CustomerBase, take: Take) -> None:
    """A table, and the same in the types of JSON; neither holds an id."""
    take("carmen,2024-01-05,10", "carmen,2024-01-06,ten")
    status = base.status()

    assert 2 == status.table().loc["rows read", "value"]
    assert {"amount_unreadable": 1} == status.set_aside
    assert "carmen" not in json.dumps(status.as_dict()) + status.table().to_string()


def test_an_export_as_csv_holds_no_formula(base: CustomerBase, take: Take) -> None:
    """Text that a spreadsheet would run gets a sign before it; numbers stay numbers."""
    take("=1+1,2024-01-05,-10", "@x,2024-01-06,5", "+3,2024-01-07,5", "-7,2024-01-08,5")
    path = base.folder.parent / "out.csv"
    base.export(path)
    table = pd.read_csv(path)

    assert ["'=1+1", "'@x", "'+3", "'-7"] == list(table["customer_id"])
    assert [-10, 5, 5, 5] == list(table["amount"])
    assert 0o600 == path.stat().st_mode & 0o777


def test_an_export_says_what_it_can_write(base: CustomerBase, take: Take) -> None:
    """By the ending of its name; and a folder that is not there is no traceback."""
    take("a,2024-01-05,10")

    for name in ("out.xlsx", "no/such/folder/out.csv"):
        with pytest.raises(Exception, match="cannot be written") as caught:
            base.export(base.folder.parent / name)
        assert 2 == caught.value.exit_code  # type: ignore[attr-defined]


def test_cdnow_in_a_base_counts_its_free_days(base: CustomerBase) -> None:
    """What a free day is comes with the source, as when it is read by itself."""
    base.load("cdnow-sample")
    whole, kept = read_transactions("cdnow-sample"), read_transactions(base.folder)

    assert whole.summarize("1997-09-30").equals(kept.summarize("1997-09-30"))
    assert whole.account("1997-09-30").table().equals(kept.account("1997-09-30").table())


def test_a_mapping_names_the_columns(base: CustomerBase, write: Write) -> None:
    """As for read_transactions."""
    path = write("Client,Day,Total\na,2024-01-05,10")
    done = base.load(path, mapping=Mapping("Client", "Day", "Total"))

    assert 1 == done.added
