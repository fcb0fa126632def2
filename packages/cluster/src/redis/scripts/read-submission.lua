-- What a client has left to be accepted; false if it is not there, or not a string of a bearable length: then it goes. A server
-- whose users are older does not allow STRLEN; then any length is read.
--
-- KEYS: submission.  ARGV: the most bytes.
local length = redis.pcall('STRLEN', KEYS[1])
if type(length) == 'number' and length <= tonumber(ARGV[1]) or type(length) == 'table' then
  local text = redis.pcall('GET', KEYS[1])
  if type(text) ~= 'table' then return text end
end
redis.call('DEL', KEYS[1])
return false
