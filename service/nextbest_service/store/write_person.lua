-- Writes one person if nobody else has since it was read. Repeating it is harmless: a write is known by its version.
-- KEYS: the person; then, with an answer to remember, the two keys of remembered answers.
-- ARGV: version read ('' = nothing stored), version written, request id ('' = no answer), answer, milliseconds to
-- remember it, number of fields to delete (-1 = the whole person), those fields, then fields and values to set.
-- Returns 'written', 'changed', or the answer that is remembered for this request id already.
local person, read, written, request = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('HGET', person, 'n') or ''
if request ~= '' then
  local known = redis.call('HGET', KEYS[2], request) or redis.call('HGET', KEYS[3], request)
  if known then return known end
end
if read ~= written then
  if held ~= read and held ~= written then return 'changed' end
  local deleted = tonumber(ARGV[6])
  if deleted < 0 then
    redis.call('DEL', person)
  elseif held ~= written then
    for i = 7, 6 + deleted do redis.call('HDEL', person, ARGV[i]) end
    local fields = {}
    for i = 7 + deleted, #ARGV do fields[#fields + 1] = ARGV[i] end
    for i = 1, #fields, 1000 do redis.call('HSET', person, unpack(fields, i, math.min(i + 999, #fields))) end
    redis.call('HSET', person, 'n', written)
  end
end
if request ~= '' then
  -- Answers live in two keys that take turns, so that each is remembered for one to two periods and no answer needs
  -- a key of its own: forgetting is the key's own expiry.
  local period, now = tonumber(ARGV[5]), redis.call('TIME')
  local ms = now[1] * 1000 + math.floor(now[2] / 1000)
  local turn = math.floor(ms / period)
  local answers = KEYS[2 + turn % 2]
  redis.call('HSET', answers, request, ARGV[4])
  redis.call('PEXPIREAT', answers, (turn + 2) * period)
end
return 'written'
