-- Replaces the stream of submissions if clients have made it unusable: with a value of another type, or with an entry from the
-- future, since all later entries must have later ids, and no id follows the last. Only an empty stream goes: what is in it is
-- accepted first.
--
-- KEYS: submissions.  ARGV: how far in the future an id may be, in ms.
local kind = redis.call('TYPE', KEYS[1]).ok
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
return redis.call('DEL', KEYS[1])
