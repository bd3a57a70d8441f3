"""Snapshots: whole or not there, read-only, and never paid for twice."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from datetime import datetime, time, timedelta
from types import SimpleNamespace

import pytest

from keyround import scan
from keyround.connector import Arrived, Window
from keyround.errors import StoreError
from keyround.model import Account, MfaRegistration, SignIn
from keyround.store import ClientStore
from keyround.terms import Terms

NOW = datetime(2026, 11, 20, 12)
WEEK = Window(datetime(2026, 11, 13), NOW)
TENANT = "t-1"


def sign_in(name: str, days: float, **more: object) -> SignIn:
    return SignIn(name, NOW - timedelta(days=days), "ada", outcome="success", **more)  # type: ignore[arg-type]


def sealed(store, now=NOW, rows=(), whole=True, tenant=TENANT, fetched=WEEK):
    with store.locked():
        draft = store.begin(now)
        with draft.writer(tenant, "m365", "sign_ins", SignIn) as write:
            write(list(rows))
        draft.settle(tenant, "sign_ins", fetched, [Arrived(fetched.since, fetched.until)] if whole else [])
        draft.freeze()
        from keyround.store import hashed

        parts = hashed(store.root, store.parts(tenant, "sign_ins", WEEK))
        draft.readable({"taken_at": now.isoformat(), "tenants": [{"id": tenant, "parts": parts}]})
        draft.seal({"schema": 1})
    return store.snapshot(store.stamps()[-1])


def ids(snapshot, tenant=0):
    import pyarrow.parquet as pq

    paths = snapshot.files(snapshot.manifest["tenants"][tenant])["sign_ins"]
    return [name for path in paths for name in pq.read_table(path)["sign_in_id"].to_pylist()]


@pytest.fixture
def store(tmp_path):
    return ClientStore(tmp_path, "contoso")


def test_one_record_per_id_in_order_of_time(store):
    rows = [sign_in("c", 0.1), sign_in("b", 3), sign_in("a", 5), sign_in("b", 3), sign_in("c", 0.1)]
    assert ids(sealed(store, rows=rows)) == ["m365:a", "m365:b", "m365:c"]


def test_one_id_reported_twice_is_what_became_of_it_in_the_end(store):
    stopped = replace(sign_in("a", 3.001), outcome="stopped_after_password")
    again = replace(sign_in("b", 3), outcome="interrupted")
    kept = sealed(store, rows=[sign_in("a", 3), stopped, again, replace(again, outcome="failure")])
    import pyarrow.parquet as pq

    (part,) = [path for path in kept.files(kept.manifest["tenants"][0])["sign_ins"] if pq.read_metadata(path).num_rows]
    assert pq.read_table(part)["outcome"].to_pylist() == ["success", "failure"]


def test_records_outside_the_window_asked_for_are_left_out(store):
    sealed(store, rows=[sign_in("a", 5), sign_in("young", 1)])
    later = NOW + timedelta(hours=1)
    asked = store.fetch_window(TENANT, "sign_ins", WEEK)
    # a server that ignores the filter sends everything again, under the old ids and with one nobody asked for
    assert ids(sealed(store, later, [sign_in("a", 5), sign_in("old", 9), sign_in("young", 1)], fetched=asked)) == [
        "m365:a", "m365:young"
    ]  # fmt: skip


def test_a_second_scan_asks_only_for_what_is_new_and_keeps_what_is_old(store):
    sealed(store, rows=[sign_in("old", 5), sign_in("young", 1)])
    later = NOW + timedelta(hours=1)
    asked = store.fetch_window(TENANT, "sign_ins", WEEK)
    assert asked.since == datetime(2026, 11, 18)  # the first day that is not settled
    assert ids(sealed(store, later, [sign_in("young", 1), sign_in("new", 0.01)], fetched=asked)) == [
        "m365:old", "m365:young", "m365:new"
    ]  # fmt: skip


def test_days_before_the_window_are_remembered_and_not_asked_for(store):
    sealed(store, rows=[sign_in("old", 5), sign_in("young", 1)])
    log = SimpleNamespace(name="sign_ins", fills=(SignIn,), stands_in_for="", reach=timedelta())
    tenant = scan._Collected(TENANT, SimpleNamespace(name="m365", datasets=[log]))
    short = replace(WEEK, since=NOW - timedelta(days=1))
    client = SimpleNamespace(key="acme", name="Acme", terms=Terms())
    (entry,) = scan._manifest(client, store, NOW, short, [tenant])["tenants"]
    days = [part.split("day=")[1][:10] for part in entry["parts"]]
    assert str((NOW - timedelta(days=5)).date()) in days and len(days) == len(set(days))
    assert store.fetch_window(TENANT, "sign_ins", short).since == short.since
    far = replace(short, since=NOW + timedelta(days=300), until=NOW + timedelta(days=301))
    assert scan._manifest(client, store, NOW, far, [tenant])["tenants"][0]["parts"] == {}


def test_half_a_fetch_settles_no_day(store):
    sealed(store, rows=[sign_in("a", 5)], whole=False)
    assert store.fetch_window(TENANT, "sign_ins", WEEK) == WEEK


def test_a_stored_day_is_never_replaced(store):
    sealed(store, rows=[sign_in("a", 5), sign_in("b", 5)])
    again = sealed(store, NOW + timedelta(hours=1), rows=[sign_in("b", 5)])  # the provider has begun to forget
    assert ids(again) == ["m365:a", "m365:b"]


def test_rows_with_a_key_seen_before_are_dropped_and_not_counted(store):
    with store.locked():
        draft = store.begin(NOW)
        with draft.writer(TENANT, "m365", "users", Account) as write:
            assert write([Account("ada"), MfaRegistration("ada"), Account("bo")]) == 2
            assert write([Account("ada"), Account("cy")]) == 1
        draft.discard()


def test_nothing_half_written_is_left_or_read(store):
    sealed(store)
    with store.locked():
        left = store.begin(NOW + timedelta(hours=1)).folder  # and then the process is killed
    (left / "accounts.parquet").write_bytes(b"half")
    assert store.stamps() == ["20261120T120000Z"]
    sealed(store, NOW + timedelta(hours=2))
    assert not left.exists() and len(store.stamps()) == 2


def test_a_sealed_snapshot_is_read_only_and_notices_damage(store):
    snapshot = sealed(store)
    assert {oct(path.stat().st_mode & 0o777) for path in snapshot.folder.iterdir()} == {"0o400"}
    table = snapshot.folder / "accounts.parquet"
    table.chmod(0o600)
    table.write_bytes(table.read_bytes()[:-1] + b"x")
    with pytest.raises(StoreError, match="damaged"):
        store.snapshot(snapshot.folder.name)
    with pytest.raises(StoreError, match="no whole snapshot"):
        store.snapshot("20200101T000000Z")


def test_a_snapshot_from_the_future_says_so(store, tmp_path):
    folder = sealed(store).folder
    manifest = folder / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_text(manifest.read_text().replace('"format":1', '"format":99'))
    with pytest.raises(StoreError, match="later version"):
        store.snapshot(folder.name)


def test_two_scans_of_one_client_do_not_meet(store):
    with store.locked(), pytest.raises(StoreError, match="Another scan"), ClientStore(*_same(store)).locked():
        pass


def _same(store):
    return store.root.parent, store.root.name


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_a_clear_error_and_the_last_snapshot_stays(store):
    good = sealed(store)
    with store.locked():
        draft = store.begin(NOW + timedelta(hours=1))
        (draft.folder / ".rows-0.parquet").symlink_to("/dev/full")
        with pytest.raises(StoreError) as caught:
            with draft.writer(TENANT, "m365", "users", Account) as write:
                write([Account(f"{n}" * 50) for n in range(40_000)])
            draft.freeze()
        draft.discard()
    assert os.strerror(errno.ENOSPC) in str(caught.value) and "Free some space" in caught.value.remedy
    assert store.stamps() == [good.folder.name] and store.snapshot(good.folder.name)


def test_rows_lie_in_declared_order_whoever_wrote_first(store):
    def frozen(at, order):
        with store.locked():
            draft = store.begin(at)
            with (
                draft.writer(TENANT, "m365", order[0], Account) as one,
                draft.writer(TENANT, "m365", order[1], Account) as other,
            ):
                for number in range(3):
                    one([Account(f"{order[0]}{number}")])
                    other([Account(f"{order[1]}{number}")])
            draft.freeze([(TENANT, "a"), (TENANT, "b")])
            whole = (draft.folder / "accounts.parquet").read_bytes()
            assert not list(draft.folder.glob(".rows*"))
            draft.discard()
        return whole

    assert frozen(NOW, "ab") == frozen(NOW, "ba")


def test_a_scan_at_a_day_to_come_calls_no_day_finished_that_is_not_over(store):
    late = Window(WEEK.since, NOW + timedelta(days=300))
    with store.locked():
        draft = store.begin(late.until)
        with draft.writer(TENANT, "m365", "sign_ins", SignIn) as write:
            write([sign_in("a", 5)])
        draft.settle(TENANT, "sign_ins", late, [Arrived(late.since, late.until)], now=NOW)
        draft.freeze()
        draft.discard()
    assert max(store.parts(TENANT, "sign_ins", WEEK)) == (NOW - timedelta(days=3)).date()


def test_a_damaged_or_missing_day_is_named(store):
    snapshot = sealed(store, rows=[sign_in("a", 5)])
    store.check_days()
    day = snapshot.root / next(iter(snapshot.manifest["tenants"][0]["parts"]))
    day.chmod(0o600)
    day.write_bytes(b"half")
    with pytest.raises(StoreError, match=f"{day.parent.name}.*remove it"):
        store.check_days()
    day.unlink()
    store.check_days()  # it will be fetched again
    with pytest.raises(StoreError, match=f"{day.parent.name}.*cannot be read"):
        store.snapshot(snapshot.folder.name)


def test_only_the_owner_may_look_and_strangers_in_the_folder_do_no_harm(store, caplog):
    sealed(store, rows=[sign_in("a", 5)])
    assert all(path.stat().st_mode & 0o077 == 0 for path in (store.root, *store.root.rglob("*")))
    (store.scans / "notes").mkdir()
    (store.root / "sign_ins" / TENANT / "sign_ins" / "day=never").mkdir()
    (store.root / "sign_ins" / TENANT / "sign_ins" / "day=never" / "x.parquet").touch()
    assert len(store.stamps()) == 1 and store.fetch_window(TENANT, "sign_ins", WEEK) != WEEK
    assert not list(store.results()) and "damaged" in caplog.text  # `sealed` writes none worth the name


ALL = (Arrived(WEEK.since, NOW),)


def settled(store, rows, arrived=ALL, one_login=timedelta()):
    with store.locked():
        draft = store.begin(NOW)
        with draft.writer(TENANT, "m365", "sign_ins", SignIn) as write:
            write(list(rows))
        draft.settle(TENANT, "sign_ins", WEEK, arrived, one_login=one_login)
        draft.freeze()
        parts = {path.as_posix(): "" for path in store.parts(TENANT, "sign_ins", WEEK).values()}
        return ids(draft.readable({"tenants": [{"id": TENANT, "parts": parts}]}))


def test_what_arrived_before_a_fetch_failed_is_stored(store):
    part = Arrived(WEEK.since, datetime(2026, 11, 16))
    settled(store, [sign_in("a", 6), sign_in("b", 1)], [part])
    assert store.fetch_window(TENANT, "sign_ins", WEEK).since == datetime(2026, 11, 16)


def test_days_are_as_finished_as_they_were_when_the_provider_gathered_them(store):
    asked_at = datetime(2026, 11, 17, 9)  # hours later the answer came; the 15th was not yet settled then
    settled(store, [sign_in("a", 6)], [Arrived(WEEK.since, NOW, asked_at)])
    assert store.fetch_window(TENANT, "sign_ins", WEEK).since == datetime(2026, 11, 15)


def test_the_records_of_one_login_count_once_and_no_attempt_is_swallowed(store):
    start = NOW - timedelta(days=3)

    def at(name, seconds, **more):
        same = sign_in(name, 3, address="192.0.2.1", app="Mail")
        return replace(same, signed_in_at=start + timedelta(seconds=seconds), **more)

    rows = [
        at("page", 0), at("factor", 9), at("stay", 300), at("again", 301), at("again too", 400),
        at("wrong", 5, outcome="failure"), at("wrong too", 6, outcome="failure"), at("unknown", 7, outcome=None),
        at("other app", 8, app="Files"), at("other place", 8, address="192.0.2.2"), at("bo", 8, account_id="bo"),
        at("nobody", 1, account_id=None), at("nobody too", 2, account_id=None),
        at("named", 3, account_id=None, username="Cy@x"), at("named too", 4, account_id=None, username="cy@x"),
    ]  # fmt: skip
    kept = settled(store, rows[::-1], one_login=timedelta(minutes=5))
    assert {name.removeprefix("m365:") for name in kept} == {row.sign_in_id for row in rows} - {
        "factor", "stay", "again too", "named too"
    }  # fmt: skip


def test_a_login_around_midnight_is_counted_alike_whichever_days_are_fetched(store):
    midnight = datetime.combine((NOW - timedelta(days=3)).date(), time())
    rows = [
        replace(sign_in(name, 3), signed_in_at=midnight + timedelta(seconds=s)) for name, s in (("a", -5), ("b", 5))
    ]
    assert settled(store, rows, one_login=timedelta(minutes=5)) == ["m365:a", "m365:b"]


def test_memory_outlives_a_scan_that_is_killed_and_is_for_the_owner_alone(store, caplog):
    memory = store.memory("t/1")
    memory["search"] = {"id": "7"}
    memory["other"] = 1
    del memory["other"]
    (path,) = (store.root / "memory").iterdir()
    assert oct(path.stat().st_mode & 0o777) == "0o600" and dict(store.memory("t/1")) == {"search": {"id": "7"}}
    assert dict(store.memory("t2")) == {} and not caplog.text
    for damage in ("{", "[1]", "\udcff", "[" * 100_000):
        path.write_bytes(damage.encode("utf-8", "surrogateescape"))
        assert dict(store.memory("t/1")) == {}
        assert "damaged" in caplog.text
        caplog.clear()
    store.memory("t/1")["search"] = 8
    assert dict(store.memory("t/1")) == {"search": 8}
