-- Takes entries that are due and moves them on, so that nobody else gets them.
--
-- KEYS  1 the index
-- ARGV  1 position of the index
--       2 microseconds now, or "" for Redis's own clock
--       3 how many at most   4 microseconds to move them
-- Result {member, score…} with the scores that they moved to
return each(function()
  local index, now, most, lease = key(), tonumber(arg()), arg(), arg()
  if not now then
    local time = call('TIME')
    now = time[1] * 1000000 + time[2]
  end
  local due = call('ZRANGEBYSCORE', index, '-inf', string.format('%.0f', now), 'WITHSCORES', 'LIMIT', 0, most)
  local out, moved = {}, {}
  for i = 1, #due, 2 do
    -- Never the score that it had, or an older lease would hold again.
    local score = string.format('%.0f', math.max(now + lease, due[i + 1] + 1))
    out[i], out[i + 1] = due[i], score
    moved[i], moved[i + 1] = score, due[i]
  end
  if #moved > 0 then
    call('ZADD', index, unpack(moved))
  end
  return out
end)
