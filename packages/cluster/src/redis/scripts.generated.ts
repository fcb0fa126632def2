// Made from scripts/ by scripts/bundle-guest-scripts.mjs: change the files there.

export const adopt = `local digest = redis.call('HGET', KEYS[2], 'digest')
if digest then return digest end
if redis.call('EXISTS', KEYS[1]) == 1 then return false end
redis.call('HSET', KEYS[2], 'state', 'published', 'digest', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return ARGV[2]`;

export const advance = `local now = tonumber(redis.call('HGET', KEYS[1], 'now') or '0')
if tonumber(ARGV[1]) > now then redis.call('HSET', KEYS[1], 'now', ARGV[1]) end
return 1`;

export const append = `local function holds(claim, layer, owner, ttl)
  local holder = redis.call('GET', claim)
  if holder == owner then return true end
  if holder or redis.call('HGET', layer, 'state') == 'published' then return false end
  redis.call('SET', claim, owner, 'PX', ttl)
  return true
end
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return -1 end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
local at = 0
if last then
  at = tonumber(last[2][2])
  if last[2][3] == 'bytes' then at = at + #last[2][4] end
end
redis.call('XADD', KEYS[3], '*', 'at', at, ARGV[4], ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[3])
return at`;

export const claim = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
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
  redis.call('DEL', layer.layer, layer.failure)
  local last = redis.call('XREVRANGE', layer.log, '+', '-', 'COUNT', 1)[1]
  if last and last[2][3] == 'end' then redis.call('DEL', layer.log, layer.archived) end
  redis.call('RPUSH', layer.attempts, workerOf(options.owner))
  redis.call('PEXPIRE', layer.attempts, options.kept)
  redis.call('SET', layer.claim, options.owner, 'PX', options.ttl)
  announce(options.done, layer.id, 'claimed', workerOf(options.owner))
  return { 'claimed' }
end
return take({
  claim = KEYS[1], layer = KEYS[2], wants = KEYS[3], attempts = KEYS[4], failure = KEYS[5], log = KEYS[6],
  archived = KEYS[7], id = ARGV[7],
}, { owner = ARGV[1], ttl = ARGV[2], kept = ARGV[3], fatal = tonumber(ARGV[4]), done = ARGV[5], since = tonumber(ARGV[6]) })`;

export const commit = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
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
  redis.call('DEL', layer.layer, layer.failure)
  local last = redis.call('XREVRANGE', layer.log, '+', '-', 'COUNT', 1)[1]
  if last and last[2][3] == 'end' then redis.call('DEL', layer.log, layer.archived) end
  redis.call('RPUSH', layer.attempts, workerOf(options.owner))
  redis.call('PEXPIRE', layer.attempts, options.kept)
  redis.call('SET', layer.claim, options.owner, 'PX', options.ttl)
  announce(options.done, layer.id, 'claimed', workerOf(options.owner))
  return { 'claimed' }
end
local function holds(claim, layer, owner, ttl)
  local holder = redis.call('GET', claim)
  if holder == owner then return true end
  if holder or redis.call('HGET', layer, 'state') == 'published' then return false end
  redis.call('SET', claim, owner, 'PX', ttl)
  return true
end
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[2]) then return { 'lost' } end
redis.call('HSET', KEYS[2], 'state', 'made')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('DEL', KEYS[3])
announce(ARGV[5], ARGV[7], 'made', workerOf(ARGV[1]))
if #KEYS < 10 then return { 'made' } end
local nextLayer = take({
  claim = KEYS[4], layer = KEYS[5], wants = KEYS[6], attempts = KEYS[7], failure = KEYS[8], log = KEYS[9],
  archived = KEYS[10], id = ARGV[8],
}, { owner = ARGV[1], ttl = ARGV[2], kept = ARGV[3], fatal = tonumber(ARGV[4]), done = ARGV[5], since = tonumber(ARGV[6]) })
return { 'made', nextLayer[1], nextLayer[2] }`;

export const fail = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[5], 'PX', ARGV[4])
redis.call('DEL', KEYS[1], KEYS[2])
announce(ARGV[2], ARGV[3], 'failed', workerOf(ARGV[1]))
return 1`;

export const forget = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
if redis.call('HGET', KEYS[1], 'digest') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
announce(ARGV[2], ARGV[3], 'absent', '')
return 1`;

export const publish = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
local function holds(claim, layer, owner, ttl)
  local holder = redis.call('GET', claim)
  if holder == owner then return true end
  if holder or redis.call('HGET', layer, 'state') == 'published' then return false end
  redis.call('SET', claim, owner, 'PX', ttl)
  return true
end
if not holds(KEYS[1], KEYS[2], ARGV[1], ARGV[6]) then return 'lost' end
if KEYS[3] then
  local parent = redis.call('HGET', KEYS[3], 'digest')
  if parent and parent ~= ARGV[7] then return 'mixed' end
end
redis.call('HSET', KEYS[2], 'state', 'published', 'digest', ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
announce(ARGV[3], ARGV[4], 'published', workerOf(ARGV[1]))
return 'published'`;

export const readSubmission = `local length = redis.pcall('STRLEN', KEYS[1])
if type(length) == 'number' and length <= tonumber(ARGV[1]) or type(length) == 'table' then
  local text = redis.pcall('GET', KEYS[1])
  if type(text) ~= 'table' then return text end
end
redis.call('DEL', KEYS[1])
return false`;

export const release = `local function announce(channel, id, state, worker)
  redis.call('PUBLISH', channel, cjson.encode({ v = 1, id = id, state = state, worker = worker }))
end
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  redis.call('LREM', KEYS[3], 1, workerOf(ARGV[1]))
  return 0
end
if redis.call('HGET', KEYS[2], 'state') == 'made' then redis.call('DEL', KEYS[2]) end
redis.call('DEL', KEYS[1])
if ARGV[4] ~= 'counts' then redis.call('DEL', KEYS[3]) end
announce(ARGV[2], ARGV[3], 'absent', workerOf(ARGV[1]))
return 1`;

export const renew = `local function holds(claim, layer, owner, ttl)
  local holder = redis.call('GET', claim)
  if holder == owner then return true end
  if holder or redis.call('HGET', layer, 'state') == 'published' then return false end
  redis.call('SET', claim, owner, 'PX', ttl)
  return true
end
local lost = {}
for index = 1, #KEYS, 2 do
  if holds(KEYS[index], KEYS[index + 1], ARGV[1 + (index + 1) / 2], ARGV[1]) then
    redis.call('PEXPIRE', KEYS[index], ARGV[1])
  else
    table.insert(lost, (index - 1) / 2)
  end
end
return lost`;

export const share = `local now = tonumber(redis.call('HGET', KEYS[1], 'now') or '0')
local start = math.max(now, tonumber(redis.call('HGET', KEYS[1], 'c:' .. ARGV[1]) or '0'))
redis.call('HSET', KEYS[1], 'c:' .. ARGV[1], tostring(start + tonumber(ARGV[2])))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return math.floor(start)`;

export const tidySubmissions = `local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind ~= 'stream' then return redis.call('DEL', KEYS[1]) end
if redis.call('XLEN', KEYS[1]) > 0 then return 0 end
local info = redis.pcall('XINFO', 'STREAM', KEYS[1])
if info.err then return 0 end
local last = '0-0'
for index = 1, #info, 2 do
  if info[index] == 'last-generated-id' then last = info[index + 1] end
end
local limit = tonumber(redis.call('TIME')[1]) * 1000 + tonumber(ARGV[1])
if tonumber(string.match(last, '^%d+')) <= limit then return 0 end
return redis.call('DEL', KEYS[1])`;

export const unwant = `local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
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
return stopped`;
