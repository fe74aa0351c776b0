-- Answers questions from one moment.
--
-- KEYS  every record, index and pack that is asked about. The records of a page's
--       entries, and those that a field leads to, are in the same slot.
-- ARGV  one after the other
--         record key fields follow
--         page   key beginning-of-record-name member reverse after-score after-member n fields follow
--         names  key beginning
--         pack   key
--       fields is how many and which; follow is 0, or 1 and field,
--       beginning-of-record-name and fields. after-score is "" for the first page;
--       member is "", or all that the page is asked for.
-- Result an array for each question
--         record {row}   page {total, row…}   names {name…}   pack {its string} or {}
--       row is {member, score, values, reached, values there}; values are in the
--       order of the fields. A record that rows reach again is given once.
local function fields()
  local list = {}
  for i = 1, tonumber(arg()) do
    list[i] = arg()
  end
  return list
end

local function follow()
  if arg() == '0' then
    return nil
  end
  return {field = arg(), record = arg(), fields = fields()}
end

-- The fields that are asked for, and behind them, where it goes on from there, the
-- one that leads on.
local function asked()
  local list, onward = fields(), follow()
  if onward then
    list[#list + 1] = onward.field
  end
  return list, onward
end

-- Large records are read some fields at a time: unpack has a limit.
local function values(k, list)
  local out = {}
  for i = 1, #list, 500 do
    local some = call('HMGET', k, unpack(list, i, math.min(i + 499, #list)))
    for j = 1, math.min(500, #list - i + 1) do
      out[i + j - 1] = some[j]
    end
  end
  return out
end

local given -- of the records that rows of this call reach

local function row(k, member, score, list, onward)
  if not k then
    return {member, score, false, false, false}
  end
  local here = values(k, list)
  local reached, there = onward and table.remove(here), false
  if reached then
    local name = onward.record .. reached
    if not given[name] then
      given[name] = true
      there = values(prefix .. name, onward.fields)
    end
  end
  return {member, score, here, reached or false, there}
end

-- Members of one score sort by their bytes, whatever the server's locale says.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then
      return x < y
    end
  end
  return #a < #b
end

local function range(k, reverse, from, n)
  if reverse then
    return call('ZREVRANGE', k, from, from + n - 1, 'WITHSCORES')
  end
  return call('ZRANGE', k, from, from + n - 1, 'WITHSCORES')
end

-- Entries behind a score and member, as {member, score} pairs in one list.
local function entries(k, reverse, score, member, n)
  if n == 0 then
    return {}
  end
  if score == '' then
    return range(k, reverse, 0, n)
  end
  local from
  if reverse then
    from = call('ZCOUNT', k, '(' .. score, '+inf')
  else
    from = call('ZCOUNT', k, '-inf', '(' .. score)
  end
  local out = {}
  while true do
    local some = range(k, reverse, from, n)
    for i = 1, #some, 2 do
      local passed = tonumber(some[i + 1]) == tonumber(score)
          and (some[i] == member or before(some[i], member) ~= reverse)
      if not passed then
        out[#out + 1] = some[i]
        out[#out + 1] = some[i + 1]
        if #out == 2 * n then
          return out
        end
      end
    end
    if #some < 2 * n then
      return out
    end
    from = from + n
  end
end

-- The entry of one member, as entries gives it.
local function entry(k, member)
  local score = call('ZSCORE', k, member)
  return score and {member, score} or {}
end

local questions = {
  record = function()
    local k, list, onward = key(), asked()
    return {row(k, '', '0', list, onward)}
  end,
  page = function()
    local k, record, only = key(), arg(), arg()
    local reverse, score, member, n = arg() == '1', arg(), arg(), tonumber(arg())
    local list, onward = asked()
    local out = {call('ZCARD', k)}
    local found = only ~= '' and entry(k, only) or entries(k, reverse, score, member, n)
    for i = 1, #found, 2 do
      out[#out + 1] = row(record ~= '' and prefix .. record .. found[i] or nil, found[i], found[i + 1], list, onward)
    end
    return out
  end,
  names = function()
    local k, beginning = key(), arg()
    local out = {}
    for _, name in ipairs(call('HKEYS', k)) do
      if string.sub(name, 1, #beginning) == beginning then
        out[#out + 1] = name
      end
    end
    return out
  end,
  pack = function()
    return {call('GET', key()) or nil}
  end,
}

return each(function(last)
  local answers = {}
  given = {}
  while at < last do
    answers[#answers + 1] = questions[arg()]()
  end
  return answers
end)
