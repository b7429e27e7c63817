-- Holds one contact of an action against its volume cap. Repeating it is harmless: a hold is known by its decision.
-- KEYS: contacts before we counted (hash by action), the action's contacts (sorted set: decision -> held until, or
-- +inf once confirmed).
-- ARGV: action, cap, decision, now, held until.
-- Returns 1 if it is held, 0 if the cap is used up.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
if redis.call('ZSCORE', KEYS[2], ARGV[3]) then return 1 end
local before = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if before + redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[3])
return 1
