-- Removes entries of the log and tells, in the same step, that they were removed: exported files follow it.
-- KEYS: the log, erasures (sorted set: digest of a ref -> when).
-- ARGV: time, id of the new entry, its body, number of digests, those digests, then the entries to remove.
-- Returns how many were there.
local digests, removed = tonumber(ARGV[4]), 0
for i = 5, 4 + digests do redis.call('ZADD', KEYS[2], ARGV[1], ARGV[i]) end
for i = 5 + digests, #ARGV, 1000 do
  removed = removed + redis.call('XDEL', KEYS[1], unpack(ARGV, i, math.min(i + 999, #ARGV)))
end
redis.call('XADD', KEYS[1], '*', 'k', 'e', 'c', '', 'i', ARGV[2], 'b', ARGV[3])
return removed
