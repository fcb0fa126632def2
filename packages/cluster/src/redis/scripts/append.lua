-- Appends to a log, if the owner has the claim. Returns the offset of what was appended, or -1. An entry has the
-- offset of its first byte (at), and bytes; the last one has the outcome (end) instead.
--
-- KEYS: claim, layer, log.  ARGV: owner, ttl, kept, field (bytes or end), value.
--@include lib/holds.lua
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return -1 end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local at = 0
if last then
  at = tonumber(last[2][2])
  if last[2][3] == 'bytes' then at = at + #last[2][4] end
end
redis.call('XADD', KEYS[3], '*', 'at', at, ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return at
