-- The pool's now is the start of the work that was begun last.
--
-- KEYS: shares.  ARGV: start.
local now = tonumber(redis.call('HGET', KEYS[1], 'now') or '0')
if tonumber(ARGV[1]) > now then redis.call('HSET', KEYS[1], 'now', ARGV[1]) end
return 1
