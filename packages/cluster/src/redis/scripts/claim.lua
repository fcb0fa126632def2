-- KEYS: claim, layer, wants, attempts, failure, log, archived of the layer.
-- ARGV: owner, ttl, kept, fatal, done, since, id.
--@include lib/announce.lua
--@include lib/worker-of.lua
--@include lib/take.lua
return take({
  claim = KEYS[1], layer = KEYS[2], wants = KEYS[3], attempts = KEYS[4], failure = KEYS[5], log = KEYS[6],
  archived = KEYS[7], id = ARGV[7],
}, { owner = ARGV[1], ttl = ARGV[2], kept = ARGV[3], fatal = tonumber(ARGV[4]), done = ARGV[5], since = tonumber(ARGV[6]) })
