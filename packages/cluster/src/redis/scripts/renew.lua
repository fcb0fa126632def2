-- Renews claims. One that has expired and that nobody else has taken is taken again. Returns the numbers of the lost.
--
-- KEYS: claim and layer, again and again.  ARGV: ttl, then the owner of each claim.
local lost = {}
for index = 1, #KEYS, 2 do
  local owner = ARGV[1 + (index + 1) / 2]
  local holder = redis.call('GET', KEYS[index])
  if holder == owner then
    redis.call('PEXPIRE', KEYS[index], ARGV[1])
  elseif holder or redis.call('HGET', KEYS[index + 1], 'state') == 'published' then
    table.insert(lost, (index - 1) / 2)
  else
    redis.call('SET', KEYS[index], owner, 'PX', ARGV[1])
  end
end
return lost
