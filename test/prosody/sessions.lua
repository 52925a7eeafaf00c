-- Logs the number of an account's sessions, each time that it changes.
local count = {};

local function changed(by)
	return function(event)
		local name = event.session.username;
		count[name] = (count[name] or 0) + by;
		module:log("info", "sessions of %s: %d", name, count[name]);
	end
end

module:hook("resource-bind", changed(1));
module:hook("resource-unbind", changed(-1));
