-- Claims a layer for an owner, or says why not.
--
-- layer: the keys claim, layer, wants, attempts, failure, log, archived, and the id.
-- options: owner, ttl (ms), kept (ms), fatal (attempts), done (channel), since (ms): a failure from after that counts. One from the
-- future does not: it is from before the clock was set back.
local function take(layer, options)
  if redis.call('HGET', layer.layer, 'state') == 'published' then
    return { 'published', redis.call('HGET', layer.layer, 'digest') }
  end
  local holder = redis.call('GET', layer.claim)
  if holder == options.owner then return { 'claimed' } end
  if holder then return { 'held', workerOf(holder) } end
  if redis.call('SCARD', layer.wants) == 0 then return { 'unwanted' } end
  local failure = redis.call('GET', layer.failure)
  if failure then
    local isRecord, record = pcall(cjson.decode, failure)
    local at = isRecord and type(record) == 'table' and tonumber(record.time)
    local now = redis.call('TIME')
    if at and at >= options.since and at <= now[1] * 1000 + now[2] / 1000 then return { 'failed' } end
  end
  if redis.call('LLEN', layer.attempts) >= options.fatal then
    local names = redis.call('LRANGE', layer.attempts, 0, -1)
    return { 'fatal', table.concat(names, ', ') }
  end
  -- What a dead worker has made and not published is gone with it, and so is an attempt that has ended.
  redis.call('DEL', layer.layer, layer.failure)
  local last = redis.call('XREVRANGE', layer.log, '+', '-', 'COUNT', 1)[1]
  if last and last[2][3] == 'end' then redis.call('DEL', layer.log, layer.archived) end
  redis.call('RPUSH', layer.attempts, workerOf(options.owner))
  redis.call('PEXPIRE', layer.attempts, options.kept)
  redis.call('SET', layer.claim, options.owner, 'PX', options.ttl)
  announce(options.done, layer.id, 'claimed', workerOf(options.owner))
  return { 'claimed' }
end
