-- Rooms that misbehave after they have received a message.
local st = require "util.stanza";
local split = require "util.jid".split;

module:hook("message/bare", function(event)
	local room = split(event.stanza.attr.to);
	if room == "lost" then
		event.origin:close();
		return true;
	elseif room == "busy" then
		event.origin.send(st.error_reply(event.stanza, "wait", "resource-constraint"));
		return true;
	elseif room == "silent" then
		return true;
	end
end, 1000);
