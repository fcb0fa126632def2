-- Gives a layer up. An owner that has lost its claim has at least not died of the step.
--
-- KEYS: claim, layer, attempts.  ARGV: owner, done, id, and `counts` if it counts as an attempt that the worker did not survive.
--@include lib/announce.lua
--@include lib/worker-of.lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  redis.call('LREM', KEYS[3], 1, workerOf(ARGV[1]))
  return 0
end
if redis.call('HGET', KEYS[2], 'state') == 'made' then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[1])
if ARGV[4] ~= 'counts' then redis.call('DEL', KEYS[3]) end
announce(ARGV[2], ARGV[3], 'absent', workerOf(ARGV[1]))
return 1
