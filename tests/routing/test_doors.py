import random

from msgspec import structs

from tests.routing.plans import channel
from uni_api.config.plan import Channel
from uni_api.config.policy import ByModel, Limit
from uni_api.providers.base import Door, Site
from uni_api.routing.doors import Doors, Shut
from uni_api.secret import Secret


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


THREE = channel("p", ["m"], keys=["1", "2", "3"], scheduling="fixed_priority")
LIMITED = structs.replace(THREE, key_limits=ByModel(entries=(("m", (Limit(2, 60),)), ("n", (Limit(5, 60),)))))


def doors_of(where: Channel = THREE, clock: Clock | None = None) -> Doors:
    return Doors(where, clock or Clock(), random.Random(1))


def test_a_door_that_rests_is_back_in_time() -> None:
    clock = Clock()
    doors = doors_of(clock=clock)
    bench = doors.bench("m")
    doors.rest(0, 30)
    doors.rest(1, 60)
    doors.rest(0, 10)
    assert doors.next(bench, ()) == 2
    assert doors.next(bench, (2,)) is None
    assert doors.shut(bench, (2,)) == Shut(30.0)
    assert doors.soonest(bench, ()) == 0
    assert doors.soonest(bench, (0,)) == 1
    clock.now += 30
    assert doors.next(bench, ()) == 0
    doors.wake(1)
    assert doors.next(bench, (0,)) == 1


def test_a_limit_holds_back_one_model_and_a_rest_all_of_them() -> None:
    clock = Clock()
    doors = doors_of(LIMITED, clock)
    one, other, free = doors.bench("m"), doors.bench("n"), doors.bench("x")
    assert free is doors.bench("y") and len({one, other, free}) == 3
    doors.limit(one, 0, 20)
    assert [doors.next(bench, ()) for bench in (one, other, free)] == [1, 0, 0]
    doors.rest(0, 10)
    doors.rest(1, 40)
    assert [doors.next(bench, ()) for bench in (one, other, free)] == [2, 2, 2]
    assert doors.soonest(one, ()) == 1, "the limit is not to be broken"
    doors.limit(one, 2, 50)
    assert doors.shut(one, ()) == Shut(40.0)
    clock.now += 10
    assert [doors.next(bench, ()) for bench in (one, other, free)] == [None, 0, 0]
    doors.limit(one, 1, 60)
    assert doors.shut(one, ()) == Shut(10.0, limited=True)
    clock.now += 10
    assert doors.next(one, ()) == 0


def test_doors_that_rest_and_are_limited_are_back_when_neither_holds() -> None:
    doors = doors_of(LIMITED)
    bench = doors.bench("m")
    for place in range(3):
        doors.limit(bench, place, 40 + place)
        doors.rest(place, 30)
    assert doors.shut(bench, ()) == Shut(40.0, limited=True)
    assert doors.soonest(bench, ()) is None
    doors.rest(1, 60)
    assert doors.soonest(bench, ()) == 1, "its limit is over before its rest"


def test_one_that_is_preferred_is_used_while_it_can_be() -> None:
    doors = doors_of()
    bench = doors.bench("m")
    assert doors.next(bench, (), prefer=2) == 2
    assert doors.next(bench, (2,), prefer=2) == 0
    doors.rest(2, 5)
    assert doors.next(bench, (), prefer=2) == 0


def test_thousands_that_are_back_at_once_come_in_over_many_picks() -> None:
    clock = Clock()
    doors = doors_of(channel("huge", ["m"], keys=[str(number) for number in range(2000)]), clock)
    bench = doors.bench("m")
    for place in range(2000):
        doors.rest(place, 10)
    clock.now += 10
    seen = [doors.next(bench, (), turn) for turn in range(2000)]
    assert len(bench.free) == 2000
    assert None not in seen


def test_the_name_of_a_door_is_its_host_and_its_key_and_shows_neither() -> None:
    def name(site: Site, key: str = "sk-secret") -> str:
        return doors_of(structs.replace(THREE, doors=(Door(site, Secret(key)),))).name(0)

    plain = name(Site(base_url="https://a.test/v1"))
    assert plain == name(Site(base_url="https://A.test/v1/chat/completions"))
    others = [
        name(Site(base_url="https://b.test/v1")),
        name(Site(base_url="https://a.test/v1"), "sk-other"),
        name(Site(base_url="https://a.test/v1", options={"region": "eu"})),
        name(Site(base_url="https://a.test/v1", secrets={"session": Secret("token")})),
    ]
    assert len({plain, *others}) == 5
    assert not any("secret" in each or "a.test" in each for each in (plain, *others))


def test_doors_succeed_each_other() -> None:
    clock = Clock()
    smart = structs.replace(THREE, key_scheduling="smart_round_robin")
    old = doors_of(smart, clock)
    old.rest(2, 50)
    old.failed(0)
    changed = structs.replace(smart, doors=(*reversed(THREE.doors), channel("p", ["m"], keys=["4"]).doors[0]))
    assert old.fits(structs.replace(smart, models={}))
    assert not old.fits(changed)
    new = doors_of(changed, clock)
    new.succeed([old])
    bench = new.bench("m")
    assert [new.next(bench, ()) for _ in range(3)] == [1, 3, 2]
    assert new.shut(bench, (1, 2, 3)) == Shut(50.0)


def test_a_dump_tells_the_state_and_no_secret() -> None:
    doors = doors_of(structs.replace(LIMITED, doors=(Door(Site(base_url="https://a.test"), Secret("sk-secret")),)))
    doors.bench("m")
    doors.rest(0, 5)
    assert repr(doors) == "<Doors of 'p': 1, 1 resting, <Bench m: 0 free, 0 limited>>"
