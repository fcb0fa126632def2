-- Remembers what the registry has, unless somebody is making the layer now. Returns the digest that counts, or nothing.
--
-- KEYS: claim, layer.  ARGV: kept, digest.
local digest = redis.call('HGET', KEYS[2], 'digest')
if digest then return digest end
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
redis.call('HSET', KEYS[2], 'state', 'published', 'digest', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return ARGV[2]
