-- Gives every affinity key an id, once and for ever; safe under concurrent callers.
-- KEYS[1] dictionary (hash), KEYS[2] epoch.  ARGV[1] the epoch to use if there is none yet, ARGV[2..] the keys.
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local next_id = redis.call('HLEN', KEYS[1])
for i = 2, #ARGV do
  next_id = next_id + redis.call('HSETNX', KEYS[1], ARGV[i], next_id)
end
return redis.call('GET', KEYS[2])
