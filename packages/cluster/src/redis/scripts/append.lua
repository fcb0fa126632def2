-- Appends to a log, if the owner still has the claim. Returns the offset of what was appended, or -1. An entry has the
-- offset of its first byte (at), and bytes; the last one has the outcome (end) instead.
--
-- KEYS: claim, log.  ARGV: owner, kept, field (bytes or end), value.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local at = 0
if last then
  at = tonumber(last[2][2])
  if last[2][3] == 'bytes' then at = at + #last[2][4] end
end
redis.call('XADD', KEYS[2], '*', 'at', at, ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return at
