-- Takes entries that are due and moves them on, so that nobody else gets them.
--
-- KEYS  1 the index
-- ARGV  1 microseconds now, or "" for Redis's own clock
--       2 how many at most   3 microseconds to move them
-- Result {member, score…} with the scores that they moved to
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local out = {}
for i = 1, #due, 2 do
  -- Never the score that it had, or an older lease would hold again.
  local score = string.format('%.0f', math.max(now + ARGV[3], due[i + 1] + 1))
  redis.call('ZADD', KEYS[1], score, due[i])
  out[i], out[i + 1] = due[i], score
end
return out
