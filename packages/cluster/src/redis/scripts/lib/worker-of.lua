-- The worker's name in an owner, `WORKER TOKEN`.
local function workerOf(owner)
  return string.match(owner, '^(%S+) ') or owner
end
