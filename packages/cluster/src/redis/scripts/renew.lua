-- Renews claims. Returns the numbers of the lost.
--
-- KEYS: claim and layer, again and again.  ARGV: ttl, then the owner of each claim.
--@include lib/holds.lua
local lost = {}
for index = 1, #KEYS, 2 do
  if holds(KEYS[index], KEYS[index + 1], ARGV[1 + (index + 1) / 2], ARGV[1]) then
    redis.call('PEXPIRE', KEYS[index], ARGV[1])
  else
    table.insert(lost, (index - 1) / 2)
  end
end
return lost
