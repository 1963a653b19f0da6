-- Maps as store/packing.py sends them: MessagePack, in which {first =, last =} stands for those of the bytes beside it.
local function unpack_maps(maps, bytes)
  local function put_in_place(values)
    for name, value in pairs(values) do
      if type(value) == 'table' then
        if not value.first then
          put_in_place(value)
        elseif value.first == 1 and value.last == #bytes then
          values[name] = bytes -- a large one is not copied
        else
          values[name] = string.sub(bytes, value.first, value.last)
        end
      end
    end
  end

  maps = cmsgpack.unpack(maps)
  put_in_place(maps)
  return maps
end
