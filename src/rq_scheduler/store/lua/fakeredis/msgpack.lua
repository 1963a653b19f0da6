-- MessagePack for a server that has none (fakeredis), as far as the scripts use it: texts, whole numbers, lists and maps.
local cmsgpack = {}
do
  local WIDTHS = {1, 2, 4, 8}
  local read

  local function read_number(bytes, at, width, signed)
    local number = signed and string.byte(bytes, at) >= 0x80 and -1 or 0
    for i = at, at + width - 1 do number = number * 256 + string.byte(bytes, i) end
    return number, at + width
  end

  local function read_text(bytes, at, length) return string.sub(bytes, at, at + length - 1), at + length end

  local function read_list(bytes, at, length)
    local list = {}
    for i = 1, length do list[i], at = read(bytes, at) end
    return list, at
  end

  local function read_map(bytes, at, length)
    local map, key = {}, nil
    for _ = 1, length do
      key, at = read(bytes, at)
      map[key], at = read(bytes, at)
    end
    return map, at
  end

  local function read_long(read_items, bytes, at, width)
    local length
    length, at = read_number(bytes, at, width)
    return read_items(bytes, at, length)
  end

  function read(bytes, at)
    local kind = string.byte(bytes, at)
    at = at + 1
    if kind < 0x80 then return kind, at end
    if kind < 0x90 then return read_map(bytes, at, kind - 0x80) end
    if kind < 0xa0 then return read_list(bytes, at, kind - 0x90) end
    if kind < 0xc0 then return read_text(bytes, at, kind - 0xa0) end
    if kind == 0xc0 then return nil, at end
    if kind == 0xc2 or kind == 0xc3 then return kind == 0xc3, at end
    if kind >= 0xcc and kind <= 0xcf then return read_number(bytes, at, WIDTHS[kind - 0xcb]) end
    if kind >= 0xd0 and kind <= 0xd3 then return read_number(bytes, at, WIDTHS[kind - 0xcf], true) end
    if kind >= 0xd9 and kind <= 0xdb then return read_long(read_text, bytes, at, WIDTHS[kind - 0xd8]) end
    if kind == 0xdc or kind == 0xdd then return read_long(read_list, bytes, at, WIDTHS[kind - 0xda]) end
    if kind == 0xde or kind == 0xdf then return read_long(read_map, bytes, at, WIDTHS[kind - 0xdc]) end
    if kind >= 0xe0 then return kind - 0x100, at end
    error('MessagePack of a kind that is not used here: ' .. kind)
  end

  local function head(kind, length)
    local bytes = {}
    for i = 4, 1, -1 do bytes[i], length = length % 256, math.floor(length / 256) end
    return string.char(kind, unpack(bytes))
  end

  function cmsgpack.unpack(bytes) return (read(bytes, 1)) end

  function cmsgpack.pack(texts)
    local packed = {head(0xdd, #texts)}
    for _, text in ipairs(texts) do packed[#packed + 1] = head(0xdb, #text) .. text end
    return table.concat(packed)
  end
end
