-- Gives a held contact of an action back; one that took place stays. Repeating it is harmless.
-- KEYS: the action's contacts.  ARGV: decision.
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if score and score ~= 'inf' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
return 0
