-- Forgets a published layer that the registry no longer has.
--
-- KEYS: layer.  ARGV: digest, done, id.
--@include lib/announce.lua
if redis.call('HGET', KEYS[1], 'digest') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
announce(ARGV[2], ARGV[3], 'absent', '')
return 1
