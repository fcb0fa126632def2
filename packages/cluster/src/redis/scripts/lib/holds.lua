-- True if the owner has the claim. One that has expired and that nobody else has taken is taken again.
local function holds(claim, layer, owner, ttl)
  local holder = redis.call('GET', claim)
  if holder == owner then return true end
  if holder or redis.call('HGET', layer, 'state') == 'published' then return false end
  redis.call('SET', claim, owner, 'PX', ttl)
  return true
end
