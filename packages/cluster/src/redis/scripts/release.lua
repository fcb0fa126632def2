-- Gives a layer up. An owner that has lost its claim has at least not died of the step.
--
-- KEYS: claim, layer, attempts, log.  ARGV: owner, done, id, kept.
--@include lib/announce.lua
--@include lib/worker-of.lua
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  redis.call('LREM', KEYS[3], 1, workerOf(ARGV[1]))
  return 0
end
if redis.call('HGET', KEYS[2], 'state') == 'made' then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[1], KEYS[3])
announce(ARGV[2], ARGV[3], 'absent', workerOf(ARGV[1]))
return 1
