from tests.accounts.keys import limited
from uni_api.accounts.meter import account, meter
from uni_api.config.policy import Limit
from uni_api.state import LocalState, Want

STATE = LocalState(lambda: 0.0)


def test_names_hold_no_key() -> None:
    who = limited("sk-secret", Limit(1, 60), by_model=(("a", (Limit(1, 60),)),), overall=(Limit(9, 60),))
    names = [want.name for model in ("a", "b") for want in meter(who, model, STATE, nested=False).wants]
    assert names == ["limit/all", f"limit/{account(who)}/in/a", "limit/all", f"limit/{account(who)}/of/b"]
    assert "sk-secret" not in "".join(names)


def test_wants_are_made_once_where_no_tokens_count() -> None:
    found = meter(limited("sk-1", Limit(2, 60)), "m", STATE, nested=False)
    assert found.wanted(10, 20) is found.wants


def test_tokens_have_windows_of_their_own() -> None:
    who = limited("sk-1", Limit(2, 60), Limit(500, 60, tokens=True), Limit(300), Limit(200))
    found = meter(who, "m", STATE, nested=False)
    name = f"limit/{account(who)}/of/m"
    assert found.wanted(100, 50) == [Want(name, 2, 60.0), Want(f"{name}/tokens", 500, 60.0, 150)]
    assert [want.amount for want in found.wanted(0, 0)] == [1, 1]
    assert found.largest == 200
