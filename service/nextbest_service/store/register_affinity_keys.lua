-- Gives affinity keys ids, once and for ever; safe under concurrent callers.
-- KEYS[1] dictionary (hash), KEYS[2] epoch.  ARGV[1] the epoch to use if there is none yet, ARGV[2] how many keys there
-- may be at most, ARGV[3..] the keys.  Returns the epoch and the id of each key, false where there is no room for it.
redis.call('SET', KEYS[2], ARGV[1], 'NX')
local next_id, most = redis.call('HLEN', KEYS[1]), tonumber(ARGV[2])
local found = {redis.call('GET', KEYS[2])}
for i = 3, #ARGV do
  if next_id < most then next_id = next_id + redis.call('HSETNX', KEYS[1], ARGV[i], next_id) end
  found[#found + 1] = redis.call('HGET', KEYS[1], ARGV[i])
end
return found
