-- Says that the owner has made the layer, and claims the next one of its chain.
--
-- KEYS: claim, layer, attempts of the layer; then claim, layer, wants, attempts, failure, log, archived of
-- the next, if there is one.
-- ARGV: owner, ttl, kept, fatal, done, since, id, and the id of the next.
--@include lib/announce.lua
--@include lib/worker-of.lua
--@include lib/take.lua
--@include lib/holds.lua
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'lost' } end
redis.call('HSET', KEYS[2], 'state', 'made')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[3])
announce(ARGV[5], ARGV[7], 'made', workerOf(ARGV[1]))
if #KEYS < 10 then return { 'made' } end
local nextLayer = take({
  claim = KEYS[4], layer = KEYS[5], wants = KEYS[6], attempts = KEYS[7], failure = KEYS[8], log = KEYS[9],
  archived = KEYS[10], id = ARGV[8],
}, { owner = ARGV[1], ttl = ARGV[2], kept = ARGV[3], fatal = tonumber(ARGV[4]), done = ARGV[5], since = tonumber(ARGV[6]) })
return { 'made', nextLayer[1], nextLayer[2] }
