"""What Redis is asked to do in one step, in Lua.

A window is two keys: a sorted set of the times of its entries, and a hash with their amounts and the `sum` of them.
It obeys the rules of `windows.Window`. Times are whole microseconds of Redis' own clock, so that processes need not
agree on the time. Every key has an expiry, and all have one hash tag: in a cluster, they are on one node.
"""

from collections.abc import Callable
from hashlib import sha1
from typing import Any, Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")

PREFIX = "{uni-api}:"

DAY = 86_400


class Script(Generic[T]):
    """A script, the name under which Redis remembers it, and how its answer is read.

    `read` raises ValueError or TypeError when the answer is none of this script's.
    """

    __slots__ = ("digest", "read", "text")

    def __init__(self, text: str, read: Callable[[Any], T]) -> None:
        self.text = text.strip()
        self.read = read
        self.digest = sha1(self.text.encode(), usedforsecurity=False).hexdigest()


class Granted(Struct, frozen=True):
    """TAKE took everything at the time `tick`. For each want: what is `left`, and the ticks until that grows."""

    tick: int
    left: tuple[int, ...]
    resets: tuple[int, ...]


class Refused(Struct, frozen=True):
    """TAKE took nothing: the want at `place` is short for `wait` ticks (None: for ever), with `left` to be had."""

    place: int
    wait: int | None
    left: int


def _numbers(reply: Any) -> list[int]:
    if not isinstance(reply, list):
        raise TypeError("not the answer of this script; is it a Redis?")
    return list(map(int, reply))


def _taking(reply: Any) -> Granted | Refused:
    granted, *numbers = _numbers(reply)
    if granted:
        tick, *rest = numbers
        return Granted(tick, tuple([max(0, each) for each in rest[::2]]), tuple([max(0, each) for each in rest[1::2]]))
    place, wait, left = numbers
    return Refused(place - 1, None if wait < 0 else wait, max(0, left))


def _spending(reply: Any) -> tuple[bool, int]:
    done, total = _numbers(reply)
    return done == 1, total


def _changes(reply: Any) -> tuple[bytes, list[tuple[str, int]]]:
    last, found = reply
    names = [str(name, "utf-8", "surrogatepass") for name in found[::2]]
    return bytes(last), list(zip(names, map(int, found[1::2]), strict=True))


_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function whole(number) return string.format('%.0f', number) end
"""

_WINDOW = (
    _CLOCK
    + """
local function last_for(times, amounts, ticks)
  local milliseconds = math.ceil(ticks / 1000) + 1000
  redis.call('PEXPIRE', times, milliseconds)
  redis.call('PEXPIRE', amounts, milliseconds)
end
local function newest_of(times)
  local found = redis.call('ZRANGE', times, -1, -1)[1]
  return found, tonumber(found or 0)
end
"""
)

TAKE = Script(
    _WINDOW
    + """
local exact = tonumber(ARGV[1])
local function pass(times, amounts, span)
  local gone = redis.call('ZRANGEBYSCORE', times, '-inf', whole(now - span))
  if #gone == 0 then return end
  local sum = 0
  for _, amount in ipairs(redis.call('HMGET', amounts, unpack(gone))) do sum = sum + (tonumber(amount) or 0) end
  redis.call('ZREMRANGEBYSCORE', times, '-inf', whole(now - span))
  redis.call('HDEL', amounts, unpack(gone))
  redis.call('HINCRBY', amounts, 'sum', whole(-sum))
end
local function wait(times, amounts, span, excess)
  for _, member in ipairs(redis.call('ZRANGE', times, 0, -1)) do
    excess = excess - (tonumber(redis.call('HGET', amounts, member)) or 0)
    if excess <= 0 then return tonumber(member) + span - now end
  end
  return -1
end
local function add(times, amounts, span, amount)
  local newest, at = newest_of(times)
  local grain = math.max(1, math.floor(span / exact))
  local moment = math.max(now, at)
  local held = amount
  if newest and at < moment and redis.call('ZCARD', times) >= exact
      and math.floor(at / grain) == math.floor(moment / grain) then
    held = held + (tonumber(redis.call('HGET', amounts, newest)) or 0)
    redis.call('ZREM', times, newest)
    redis.call('HDEL', amounts, newest)
  end
  if held > 0 then
    redis.call('ZADD', times, whole(moment), whole(moment))
    redis.call('HINCRBY', amounts, whole(moment), whole(held))
    redis.call('HINCRBY', amounts, 'sum', whole(amount))
    last_for(times, amounts, moment + span - now)
  end
end

local sums, short = {}, nil
for i = 1, #KEYS / 2 do
  local times, amounts = KEYS[2 * i - 1], KEYS[2 * i]
  local most, span, amount = tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1])
  if not sums[times] then
    pass(times, amounts, span)
    sums[times] = tonumber(redis.call('HGET', amounts, 'sum') or 0)
  end
  sums[times] = sums[times] + amount
  if sums[times] > most then
    local told = wait(times, amounts, span, sums[times] - most)
    if not short or (short[3] >= 0 and (told < 0 or told > short[3])) then
      short = {0, i, told, most - sums[times] + amount}
    end
  end
end
if short then return short end
local taken = {1, now}
for i = 1, #KEYS / 2 do
  local times, amounts = KEYS[2 * i - 1], KEYS[2 * i]
  local span = tonumber(ARGV[3 * i])
  add(times, amounts, span, tonumber(ARGV[3 * i + 1]))
  local oldest = redis.call('ZRANGE', times, 0, 0)[1]
  taken[#taken + 1] = tonumber(ARGV[3 * i - 1]) - sums[times]
  taken[#taken + 1] = oldest and tonumber(oldest) + span - now or 0
end
return taken
""",
    _taking,
)
"""keys: times and amounts of each window. args: EXACT, then most, span and amount of each want.

Answers 1, the time, and for each want what is left and the ticks until that grows; or 0, which want is short (from
1), the ticks to wait (-1: for ever) and what is left."""

SETTLE = Script(
    _WINDOW
    + """
local at = tonumber(ARGV[1])
for i = 1, #KEYS / 2 do
  local times, amounts = KEYS[2 * i - 1], KEYS[2 * i]
  local span, by = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  if at > now - span then
    local entry = redis.call('ZRANGEBYSCORE', times, ARGV[1], '+inf', 'LIMIT', 0, 1)[1]
    local held = entry and tonumber(redis.call('HGET', amounts, entry)) or 0
    by = math.max(by, -held)
    if entry and held + by == 0 then
      redis.call('ZREM', times, entry)
      redis.call('HDEL', amounts, entry)
    elseif by ~= 0 then
      if not entry then
        entry = ARGV[1]
        redis.call('ZADD', times, entry, entry)
      end
      redis.call('HINCRBY', amounts, entry, whole(by))
    end
    if by ~= 0 then
      redis.call('HINCRBY', amounts, 'sum', whole(by))
      local _, newest = newest_of(times)
      if newest > 0 then last_for(times, amounts, newest + span - now) end
    end
  end
end
return 1
""",
    int,
)
"""keys: as for TAKE. args: the time of the taking, then span and correction of each want."""

TURN = Script(
    """
local turn = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
return turn - 1
""",
    int,
)
"""keys: the cursor. args: seconds to live."""

SPEND = Script(
    """
local spent = tonumber(redis.call('GET', KEYS[1]) or 0)
if ARGV[3] ~= '' and spent >= tonumber(ARGV[3]) then return {0, spent} end
if ARGV[2] ~= '0' then
  spent = redis.call('INCRBY', KEYS[1], ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return {1, spent}
""",
    _spending,
)
"""keys: the account. args: seconds to live, the amount, and from what total on it is refused (or nothing).

Answers whether it was spent, and the total."""

_RESTS_LAST = f"""
local function keep() for i = 1, 2 do redis.call('EXPIRE', KEYS[i], {400 * DAY}) end end
"""

REST = Script(
    _CLOCK
    + _RESTS_LAST
    + """
local until_then = now + tonumber(ARGV[2])
if ARGV[2] == '0' or until_then > tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) then
  redis.call('ZADD', KEYS[1], whole(until_then), ARGV[1])
  redis.call('ZADD', KEYS[2], whole(now), ARGV[1])
  keep()
end
return 1
""",
    int,
)
"""keys: ends of rests, times of changes. args: the name, ticks to rest (0: wake it)."""

RESTS = Script(
    _CLOCK
    + """
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', whole(now - 10000000), 'LIMIT', 0, 1000)
if #over > 0 then
  redis.call('ZREM', KEYS[1], unpack(over))
  redis.call('ZREM', KEYS[2], unpack(over))
end
local changed = redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, tonumber(ARGV[2]))
local found = {}
for i = 1, #changed, 2 do
  found[#found + 1] = changed[i]
  found[#found + 1] = math.max(0, tonumber(redis.call('ZSCORE', KEYS[1], changed[i]) or 0) - now)
end
return {changed[#changed] or '', found}
""",
    _changes,
)
"""keys: as for REST. args: changes since when, at most how many.

Answers the time of the last of them (or nothing), and each name with the ticks that it rests. An end stays to be read
for ten seconds, so that others learn of it."""

PROBE = Script(
    """
redis.call('SET', KEYS[1], '1', 'EX', 60)
return 1
""",
    int,
)
"""keys: any. Whether Redis can be written to."""
