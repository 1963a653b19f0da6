-- What the audit says of a schedule that was written. Needs: audit, actor, shown.
local MAX_AUDITED = 200 -- bytes of a text

local function audit_definition(entry)
  local action = entry.restores and 'undone' or entry.rev == '' and 'defined' or 'changed'
  local details = {'version', entry.version}
  for _, name in ipairs({'restores', 'changes'}) do
    if entry[name] then details[#details + 1], details[#details + 2] = name, entry[name] end
  end
  audit(action, entry.id, actor, unpack(details))
end

local function audit_pause(entry, record)
  local details = {}
  local function add(name, value)
    if value and value ~= '' then details[#details + 1], details[#details + 2] = name, string.sub(value, 1, MAX_AUDITED) end
  end
  if entry.paused == '1' then
    add('note', entry.note)
    add('until', entry.ends)
    add('in_bulk', entry.in_bulk and '1')
    audit('paused', entry.id, actor, unpack(details))
  elseif record[PAUSED] == '1' then
    add('ended', entry.resumed_at) -- by itself, then
    audit('resumed', entry.id, actor, unpack(details))
  end
end

-- `entry`: what was written; `record`: what stood there before.
local function audit_write(entry, record)
  if entry.spec then
    audit_definition(entry)
  elseif entry.paused then
    audit_pause(entry, record)
  end
end
