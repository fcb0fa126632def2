-- Says that others can fetch the layer. The first writer wins, and a layer is published only on the published version of
-- its parent.
--
-- KEYS: claim, layer; the layer of the parent, if it has one.
-- ARGV: owner, kept, done, id, digest, ttl, and the digest of the parent.
--@include lib/announce.lua
--@include lib/worker-of.lua
--@include lib/holds.lua
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[6]) then return 'lost' end
if KEYS[3] then
  local parent = redis.call('HGET', KEYS[3], 'digest')
  if parent and parent ~= ARGV[7] then return 'mixed' end
end
redis.call('HSET', KEYS[2], 'state', 'published', 'digest', ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
announce(ARGV[3], ARGV[4], 'published', workerOf(ARGV[1]))
return 'published'
