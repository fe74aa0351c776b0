-- Does a batch: all of it, or nothing and says which check does not hold.
--
-- KEYS  every record, index and pack that the batch names; all in one slot. Not
--       among them are those whose names only the store knows: of a drawn number, or
--       of the index where a member stands.
-- ARGV  1 position of the operation's record, or 0   2 milliseconds it lives
--       3 number of checks   4 number of draws   then one after the other
--         checks  equal key field want | absent key field | leased key member score
--         draws   key field
--         steps   command n key and n arguments, or one of the steps below
-- Result {"done", number…} | {"repeat", number…} | {"conflict", check from 0}
local numbers -- that were drawn; of 0, all of them

local function repeated(operation, lives)
  local held = operation and call('HGET', operation, 'numbers')
  if not held then
    return nil
  end
  -- A write, so that waiting for the replicas means something here too.
  call('PEXPIRE', operation, lives)
  local result = {'repeat'}
  for n in string.gmatch(held, '%d+') do
    result[#result + 1] = n
  end
  return result
end

local function holds()
  local kind, k, name = arg(), key(), arg()
  if kind == 'leased' then
    return tonumber(call('ZSCORE', k, name) or '') == tonumber(arg())
  elseif kind == 'absent' then
    return not call('HGET', k, name)
  end
  return call('HGET', k, name) == arg()
end

-- Takes a member out of the index that a field of a record names.
local function unplace(record, field, member)
  local index = call('HGET', record, field)
  if index then
    call('ZREM', prefix .. index, member)
  end
end

-- A pack is a string: its numbers one after the other, in no order, the lowest
-- byte of each first, for string.find to pass over most of them. One that is
-- put in again may stand there twice until it is taken out, and what was taken out
-- leaves a hole; who reads a pack sees neither.
local width, hole = 4, string.rep('\0', 4)

local function withoutHoles(numbers)
  if not string.find(numbers, hole, 1, true) then
    return numbers
  end
  local left = {}
  for from = 1, #numbers, width do
    local number = string.sub(numbers, from, from + width - 1)
    if number ~= hole then
      left[#left + 1] = number
    end
  end
  return table.concat(left)
end

-- Writes a pack anew, without its holes.
local function rewrite(k, numbers)
  local left = withoutHoles(numbers)
  if left == '' then
    call('DEL', k)
  else
    call('SET', k, left)
  end
end

-- Takes the holes out of a pack when none is left of some numbers here and there,
-- the first among them: most of it is holes then, or all.
local function tighten(k, numbers)
  local n, samples = #numbers / width, 8
  for i = 1, samples - 1 do
    local from = math.floor(i * n / samples) * width
    if string.sub(numbers, from + 1, from + width) ~= hole then
      return
    end
  end
  rewrite(k, numbers)
end

-- Gives back what Redis keeps free behind a pack: to a string that grows it gives
-- twice the room that it needs. One that is written whole takes a quarter more at
-- most, and some bytes for the key and its name.
local function fit(k)
  local size = call('STRLEN', k)
  if size > 0 and call('MEMORY', 'USAGE', k) > size * 5 / 4 + #k * 5 / 4 + 80 then
    rewrite(k, call('GET', k))
  end
end

local function exclude(k, gone)
  local numbers, found = call('GET', k), false
  for i = 1, numbers and #gone or 0, width do
    local number = string.sub(gone, i, i + width - 1)
    local from = string.find(numbers, number, 1, true)
    while from do
      if from % width == 1 then -- and not the end of one and the beginning of the next
        call('SETRANGE', k, from - 1, hole)
        found = true
      end
      from = string.find(numbers, number, from + 1, true)
    end
  end
  if found and call('GETRANGE', k, 0, width - 1) == hole then
    tighten(k, call('GET', k))
  end
end

local steps = {
  number = function() -- draw, and how much further on its number is an argument
    local draw, on = arg(), arg()
    ARGV[at + on] = numbers[draw + 1]
  end,
  at = function() -- beginning-of-name draw how-many-share-a-record value
    local name, n = arg(), numbers[arg() + 1]
    call('HSET', prefix .. name .. string.format('%.0f', math.floor(n / arg())), n, arg())
  end,
  place = function() -- key field index-name member score
    local record, field, index, member = key(), arg(), arg(), arg()
    unplace(record, field, member)
    call('HSET', record, field, index)
    call('ZADD', prefix .. index, arg(), member)
  end,
  unplace = function() -- key field member
    local record, field = key(), arg()
    unplace(record, field, arg())
    call('HDEL', record, field)
  end,
  repack = function() -- key, of a record that lives for ever
    local k = key()
    local fields = call('HGETALL', k)
    call('DEL', k)
    for i = 1, #fields, 500 do
      call('HSET', k, unpack(fields, i, math.min(i + 499, #fields)))
    end
  end,
  exclude = function() -- key numbers
    exclude(key(), arg())
  end,
  fit = function() -- key
    fit(key())
  end,
}

return each(function(last)
  local operation, lives, checks, draws = key(), arg(), arg(), arg()
  local result = repeated(operation, lives)
  if result then
    return result
  end
  for check = 0, checks - 1 do
    if not holds() then
      return {'conflict', tostring(check)}
    end
  end
  result = {'done'}
  for draw = 1, tonumber(draws) do
    result[draw + 1] = string.format('%.0f', call('HINCRBY', key(), arg(), 1))
  end
  numbers = {[0] = table.concat(result, ' ', 2), unpack(result, 2)}
  while at < last do
    local name = arg()
    local step = steps[name]
    if step then
      step()
    else
      local n, k = arg(), key()
      call(name, k, unpack(ARGV, at + 1, at + n))
      at = at + n
    end
  end
  return result
end)
