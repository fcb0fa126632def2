-- Tells everybody who waits what has happened to a layer.
local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
