-- For how long is remembered what receivers of alerts have been told.
local KEPT = 7 * 86400 -- seconds after a dispatcher last served one
local FORGOTTEN_FOR = 60 -- seconds within which a dispatcher that serves one notices that it is to be forgotten
