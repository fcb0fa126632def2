-- Takes back a build's wish for layers. Workers that make what nobody wants any more are told to stop.
--
-- KEYS: wants and claim, again and again.  ARGV: build, prefix of the workers' channels, then the ids.
--@include lib/worker-of.lua
local stopped = 0
for index = 1, #KEYS, 2 do
  redis.call('SREM', KEYS[index], ARGV[1])
  if redis.call('SCARD', KEYS[index]) == 0 then
    local holder = redis.call('GET', KEYS[index + 1])
    if holder then
      local id = ARGV[2 + (index + 1) / 2]
      redis.call('PUBLISH', ARGV[2] .. workerOf(holder), cjson.encode({ v = 1, command = 'stop', id = id }))
      stopped = stopped + 1
    end
  end
end
return stopped
