-- Says that the step has failed: everybody who wants the layer gets the record.
--
-- KEYS: claim, attempts, failure.  ARGV: owner, done, id, kept, record.
--@include lib/announce.lua
--@include lib/worker-of.lua
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4])
redis.call('DEL', KEYS[1], KEYS[2])
announce(ARGV[2], ARGV[3], 'failed', workerOf(ARGV[1]))
return 1
