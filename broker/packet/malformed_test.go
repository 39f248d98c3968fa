package packet

import (
	"errors"
	"testing"
)

// broken is a frame that breaks one rule: all else about it is right.
type broken struct {
	name    string
	version byte // of a CONNECT: the one to answer in, 0 for none
	frame   []byte
	code    byte
	reason  string
}

var (
	connect4 = join(str("MQTT"), 4)
	connect5 = join(str("MQTT"), 5)
	minute   = []byte{0, 60}
)

var brokenConnects = []broken{
	{"empty", 0, frame(0x10), CodeMalformed, "packet ends inside a field"},
	{"not MQTT", 0, frame(0x10, str("HTTP"), 5, 2, minute, 0, str("a")), CodeProtocolError, "protocol name is not MQTT"},
	{"3.1", V311, frame(0x10, str("MQIsdp"), 3, 2, minute, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"3.1 by the name of 3.1.1", V311, frame(0x10, str("MQTT"), 3, 2, minute, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"3.1.1 by the name of 3.1", V311, frame(0x10, str("MQIsdp"), 4, 2, minute, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"bridge of 3.1.1", V311, frame(0x10, str("MQTT"), 0x84, 2, minute, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"bridge of 5", V5, frame(0x10, str("MQTT"), 0x85, 2, minute, 0, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"6", V5, frame(0x10, str("MQTT"), 6, 2, minute, 0, str("a")), CodeUnsupportedVersion, "protocol version is neither 3.1.1 nor 5"},
	{"cut after the name", 0, frame(0x10, str("MQTT")), CodeMalformed, "packet ends inside a field"},
	{"cut after the level", V311, frame(0x10, connect4), CodeMalformed, "packet ends inside a field"},
	{"cut in the keep alive", V311, frame(0x10, connect4, 2, 0), CodeMalformed, "packet ends inside a field"},
	{"reserved flag", V311, frame(0x10, connect4, 3, minute, str("a")), CodeMalformed, "reserved connect flag"},
	{"reserved flag", V5, frame(0x10, connect5, 3, minute, 0, str("a")), CodeMalformed, "reserved connect flag"},
	{"will QoS without will", V311, frame(0x10, connect4, 0x0a, minute, str("a")), CodeMalformed, "will QoS or will retain without a will"},
	{"will retain without will", V5, frame(0x10, connect5, 0x22, minute, 0, str("a")), CodeMalformed, "will QoS or will retain without a will"},
	{"will QoS 3", V311, frame(0x10, connect4, 0x1e, minute, str("a"), str("t"), str("p")), CodeMalformed, "will QoS 3"},
	{"will QoS 3", V5, frame(0x10, connect5, 0x1e, minute, 0, str("a"), 0, str("t"), str("p")), CodeMalformed, "will QoS 3"},
	{"password alone", V311, frame(0x10, connect4, 0x42, minute, str("a"), str("p")), CodeMalformed, "password without a user name"},
	{"no client id", V311, frame(0x10, connect4, 2, minute), CodeMalformed, "packet ends inside a field"},
	{"empty client id, no clean session", V311, frame(0x10, connect4, 0, minute, str("")), CodeClientIDInvalid, "empty client id without a clean session"},
	{"client id with NUL", V311, frame(0x10, connect4, 2, minute, str("a\x00")), CodeMalformed, "name with a control character"},
	{"client id with a line feed", V5, frame(0x10, connect5, 2, minute, 0, str("a\n")), CodeMalformed, "name with a control character"},
	{"client id with a C1 control", V5, frame(0x10, connect5, 2, minute, 0, str("a\u009b")), CodeMalformed, "name with a control character"},
	{"client id with the first of the non-characters", V5, frame(0x10, connect5, 2, minute, 0, str("a\ufdd0")), CodeMalformed, "name with a Unicode non-character"},
	{"client id with the last of those", V5, frame(0x10, connect5, 2, minute, 0, str("a\ufdef")), CodeMalformed, "name with a Unicode non-character"},
	{"client id with another non-character", V5, frame(0x10, connect5, 2, minute, 0, str("a\ufffe")), CodeMalformed, "name with a Unicode non-character"},
	{"client id not UTF-8", V5, frame(0x10, connect5, 2, minute, 0, str("a\xff")), CodeMalformed, "name that is not UTF-8"},
	{"client id with a surrogate", V5, frame(0x10, connect5, 2, minute, 0, str("a\xed\xa0\x80")), CodeMalformed, "name that is not UTF-8"},
	{"user name flag without field", V311, frame(0x10, connect4, 0x82, minute, str("a")), CodeMalformed, "packet ends inside a field"},
	{"password flag without field", V5, frame(0x10, connect5, 0x42, minute, 0, str("a")), CodeMalformed, "packet ends inside a field"},
	{"user name with NUL", V311, frame(0x10, connect4, 0x82, minute, str("a"), str("u\x00")), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"user name not UTF-8", V5, frame(0x10, connect5, 0x82, minute, 0, str("a"), str("\xc3")), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"excess bytes", V311, frame(0x10, connect4, 2, minute, str("a"), 0), CodeMalformed, "bytes after the end of the packet"},
	{"excess bytes", V5, frame(0x10, connect5, 2, minute, 0, str("a"), str("u")), CodeMalformed, "bytes after the end of the packet"},
	{"no properties", V5, frame(0x10, connect5, 2, minute), CodeMalformed, "packet ends inside a field"},
	{"properties longer than the packet", V5, frame(0x10, connect5, 2, minute, 200, 1, str("a")), CodeMalformed, "packet ends inside a field"},
	{"properties' length of five bytes", V5, frame(0x10, connect5, 2, minute, "\x80\x80\x80\x80\x01", str("a")), CodeMalformed, "packet ends inside a field"},
	{"properties' length not shortest", V5, frame(0x10, connect5, 2, minute, "\x80\x00", str("a")), CodeMalformed, "packet ends inside a field"},
	{"remaining length not shortest", V5, join(0x10, "\x8e\x00", connect5, 2, minute, 0, str("a")), CodeMalformed, "remaining length not in its shortest form"},
	{"unknown property", V5, frame(0x10, connect5, 2, minute, props(0x7f, 0), str("a")), CodeMalformed, "property that is unknown, or not for this packet"},
	{"property of two bytes", V5, frame(0x10, connect5, 2, minute, props(0x80, 1), str("a")), CodeMalformed, "property that is unknown, or not for this packet"},
	{"property of PUBLISH", V5, frame(0x10, connect5, 2, minute, props(propTopicAlias, 0, 1), str("a")), CodeMalformed, "property that is unknown, or not for this packet"},
	{"property of the server", V5, frame(0x10, connect5, 2, minute, props(0x24, 1), str("a")), CodeMalformed, "property that is unknown, or not for this packet"},
	{"property twice", V5, frame(0x10, connect5, 2, minute, props(propSessionExpiry, "\x00\x00\x00\x01", propSessionExpiry, "\x00\x00\x00\x01"), str("a")), CodeProtocolError, "property sent twice"},
	{"property past the end", V5, frame(0x10, connect5, 2, minute, props(propSessionExpiry, "\x00\x00\x00"), str("a")), CodeMalformed, "property that runs past the properties' end"},
	{"user property past the end", V5, frame(0x10, connect5, 2, minute, props(propUser, str("k"), 0, 9, "v"), str("a")), CodeMalformed, "property that runs past the properties' end"},
	{"user property not UTF-8", V5, frame(0x10, connect5, 2, minute, props(user("k", "\xff")), str("a")), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"user property's name with NUL", V5, frame(0x10, connect5, 2, minute, props(user("\x00", "v")), str("a")), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"receive maximum 0", V5, frame(0x10, connect5, 2, minute, props(propReceiveMaximum, 0, 0), str("a")), CodeProtocolError, "property that must not be 0"},
	{"maximum packet size 0", V5, frame(0x10, connect5, 2, minute, props(propMaximumPacketSize, "\x00\x00\x00\x00"), str("a")), CodeProtocolError, "property that must not be 0"},
	{"request problem information 2", V5, frame(0x10, connect5, 2, minute, props(propRequestProblemInfo, 2), str("a")), CodeProtocolError, "property that must be 0 or 1"},
	{"request response information 2", V5, frame(0x10, connect5, 2, minute, props(propRequestResponseInfo, 2), str("a")), CodeProtocolError, "property that must be 0 or 1"},
	{"authentication data alone", V5, frame(0x10, connect5, 2, minute, props(propAuthData, str("d")), str("a")), CodeProtocolError, "authentication data without a method"},
	{"authentication method not UTF-8", V5, frame(0x10, connect5, 2, minute, props(propAuthMethod, str("\xff")), str("a")), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"will cut off", V311, frame(0x10, connect4, 6, minute, str("a"), str("t")), CodeMalformed, "packet ends inside a field"},
	{"will topic empty", V311, frame(0x10, connect4, 6, minute, str("a"), str(""), str("p")), CodeTopicInvalid, "empty will topic"},
	{"will topic with wildcard", V311, frame(0x10, connect4, 6, minute, str("a"), str("a/+"), str("p")), CodeTopicInvalid, "topic with a wildcard"},
	{"will topic with wildcard", V5, frame(0x10, connect5, 6, minute, 0, str("a"), 0, str("#"), str("p")), CodeTopicInvalid, "topic with a wildcard"},
	{"will topic with a control", V5, frame(0x10, connect5, 6, minute, 0, str("a"), 0, str("a\x1f"), str("p")), CodeMalformed, "name with a control character"},
	{"will property of CONNECT", V5, frame(0x10, connect5, 6, minute, 0, str("a"), props(propReceiveMaximum, 0, 1), str("t"), str("p")), CodeMalformed, "property that is unknown, or not for this packet"},
	{"will payload format 2", V5, frame(0x10, connect5, 6, minute, 0, str("a"), props(propPayloadFormat, 2), str("t"), str("p")), CodeProtocolError, "property that must be 0 or 1"},
	{"will delay twice", V5, frame(0x10, connect5, 6, minute, 0, str("a"), props(propWillDelay, "\x00\x00\x00\x01", propWillDelay, "\x00\x00\x00\x01"), str("t"), str("p")), CodeProtocolError, "property sent twice"},
	{"will response topic with wildcard", V5, frame(0x10, connect5, 6, minute, 0, str("a"), props(propResponseTopic, str("a/#")), str("t"), str("p")), CodeTopicInvalid, "topic with a wildcard"},
	{"will properties past the end", V5, frame(0x10, connect5, 6, minute, 0, str("a"), 99), CodeMalformed, "packet ends inside a field"},
}

var brokenFrames = []broken{
	{"nothing", V5, nil, CodeMalformed, "packet ends inside a field"},
	{"type 0", V5, frame(0x00), CodeMalformed, "packet type 0"},
	{"CONNACK from a client", V5, frame(0x20, 0, 0, 0), CodeProtocolError, "packet of a type that only servers send"},
	{"SUBACK from a client", V311, frame(0x90, 0, 1, 0), CodeProtocolError, "packet of a type that only servers send"},
	{"UNSUBACK from a client", V311, frame(0xb0, 0, 1), CodeProtocolError, "packet of a type that only servers send"},
	{"PINGRESP from a client", V5, frame(0xd0), CodeProtocolError, "packet of a type that only servers send"},
	{"second CONNECT", V311, frame(0x10, connect4, 2, minute, str("a")), CodeProtocolError, "second CONNECT"},
	{"AUTH in 3.1.1", V311, frame(0xf0), CodeMalformed, "AUTH in 3.1.1"},
	{"length cut", V5, []byte{0xc0, 0x80}, CodeMalformed, "frame of another length than it says"},
	{"shorter than it says", V311, []byte{0x30, 9, 0, 1, 't'}, CodeMalformed, "frame of another length than it says"},
	{"longer than it says", V311, []byte{0x30, 3, 0, 1, 't', 'x'}, CodeMalformed, "frame of another length than it says"},
	{"length of five bytes", V5, []byte{0xc0, 0x80, 0x80, 0x80, 0x80, 0}, CodeMalformed, "remaining length of more than four bytes"},
	{"length not shortest", V5, []byte{0xc0, 0x80, 0x00}, CodeMalformed, "remaining length not in its shortest form"},

	{"PUBLISH QoS 3", V311, frame(0x36, str("t"), 0, 1), CodeMalformed, "PUBLISH with QoS 3"},
	{"PUBLISH DUP with QoS 0", V5, frame(0x38, str("t"), 0), CodeMalformed, "PUBLISH with DUP and QoS 0"},
	{"PUBLISH empty", V311, frame(0x30), CodeMalformed, "packet ends inside a field"},
	{"PUBLISH topic cut", V311, frame(0x30, 0, 9, "t"), CodeMalformed, "packet ends inside a field"},
	{"PUBLISH without id", V311, frame(0x32, str("t")), CodeMalformed, "packet ends inside a field"},
	{"PUBLISH id 0", V311, frame(0x32, str("t"), 0, 0), CodeProtocolError, "packet id 0"},
	{"PUBLISH id 0", V5, frame(0x34, str("t"), 0, 0, 0), CodeProtocolError, "packet id 0"},
	{"PUBLISH empty topic", V311, frame(0x30, str(""), "x"), CodeProtocolError, "neither topic nor topic alias"},
	{"PUBLISH empty topic", V5, frame(0x30, str(""), 0, "x"), CodeProtocolError, "neither topic nor topic alias"},
	{"PUBLISH +", V311, frame(0x30, str("a/+/b")), CodeTopicInvalid, "topic with a wildcard"},
	{"PUBLISH #", V5, frame(0x30, str("a/b#"), 0), CodeTopicInvalid, "topic with a wildcard"},
	{"PUBLISH wildcard after a letter of many bytes", V5, frame(0x30, str("å/#"), 0), CodeTopicInvalid, "topic with a wildcard"},
	{"PUBLISH topic with NUL", V311, frame(0x30, str("a\x00")), CodeMalformed, "name with a control character"},
	{"PUBLISH topic with DEL", V311, frame(0x30, str("a\x7f")), CodeMalformed, "name with a control character"},
	{"PUBLISH topic not UTF-8", V5, frame(0x30, str("a\xc0\x80"), 0), CodeMalformed, "name that is not UTF-8"},
	{"PUBLISH topic with a surrogate", V5, frame(0x30, str("\xed\xbf\xbf"), 0), CodeMalformed, "name that is not UTF-8"},
	{"PUBLISH without properties", V5, frame(0x30, str("t")), CodeMalformed, "packet ends inside a field"},
	{"PUBLISH properties past the end", V5, frame(0x30, str("t"), 9, 1, 1), CodeMalformed, "packet ends inside a field"},
	{"PUBLISH property into the payload", V5, frame(0x30, str("t"), 2, propTopicAlias, 0, 1), CodeMalformed, "property that runs past the properties' end"},
	{"PUBLISH property of CONNECT", V5, frame(0x30, str("t"), props(propReceiveMaximum, 0, 1)), CodeMalformed, "property that is unknown, or not for this packet"},
	{"PUBLISH alias 0", V5, frame(0x30, str("t"), props(propTopicAlias, 0, 0)), CodeTopicAliasInvalid, "topic alias 0"},
	{"PUBLISH alias twice", V5, frame(0x30, str("t"), props(propTopicAlias, 0, 1, propTopicAlias, 0, 1)), CodeProtocolError, "property sent twice"},
	{"PUBLISH subscription identifier", V5, frame(0x30, str("t"), props(propSubscriptionID, 1)), CodeProtocolError, "subscription identifier from a client"},
	{"PUBLISH payload format 2", V5, frame(0x30, str("t"), props(propPayloadFormat, 2)), CodeProtocolError, "property that must be 0 or 1"},
	{"PUBLISH response topic with wildcard", V5, frame(0x30, str("t"), props(propResponseTopic, str("r/+"))), CodeTopicInvalid, "topic with a wildcard"},
	{"PUBLISH response topic empty", V5, frame(0x30, str("t"), props(propResponseTopic, str(""))), CodeProtocolError, "empty response topic"},
	{"PUBLISH content type not UTF-8", V5, frame(0x30, str("t"), props(propContentType, str("\x80"))), CodeMalformed, "string that is not UTF-8, or holds U+0000"},
	{"PUBLISH expiry twice", V5, frame(0x30, str("t"), props(propMessageExpiry, "\x00\x00\x00\x01", propMessageExpiry, "\x00\x00\x00\x01")), CodeProtocolError, "property sent twice"},

	{"PUBACK flags", V311, frame(0x42, 0, 1), CodeMalformed, "reserved flags of the fixed header"},
	{"PUBREL flags", V311, frame(0x60, 0, 1), CodeMalformed, "reserved flags of the fixed header"},
	{"PUBCOMP flags", V5, frame(0x71, 0, 1), CodeMalformed, "reserved flags of the fixed header"},
	{"PUBACK cut", V311, frame(0x40, 1), CodeMalformed, "packet ends inside a field"},
	{"PUBACK id 0", V311, frame(0x40, 0, 0), CodeProtocolError, "packet id 0"},
	{"PUBREC id 0", V5, frame(0x50, 0, 0, 0x80), CodeProtocolError, "packet id 0"},
	{"PUBACK with a code", V311, frame(0x40, 0, 1, 0), CodeMalformed, "bytes after the end of the packet"},
	{"PUBACK code of the server", V5, frame(0x40, 0, 1, 0x10), CodeProtocolError, "reason code that is not for this packet"},
	{"PUBREC code of PUBREL", V5, frame(0x50, 0, 1, 0x92, 0), CodeProtocolError, "reason code that is not for this packet"},
	{"PUBREL code of PUBREC", V5, frame(0x62, 0, 1, 0x97), CodeProtocolError, "reason code that is not for this packet"},
	{"PUBCOMP code", V5, frame(0x70, 0, 1, 1), CodeProtocolError, "reason code that is not for this packet"},
	{"PUBACK property of PUBLISH", V5, frame(0x40, 0, 1, 0, props(propPayloadFormat, 1)), CodeMalformed, "property that is unknown, or not for this packet"},
	{"PUBACK reason string twice", V5, frame(0x40, 0, 1, 0, props(propReasonString, str("a"), propReasonString, str("b"))), CodeProtocolError, "property sent twice"},
	{"PUBACK excess bytes", V5, frame(0x40, 0, 1, 0, 0, 0), CodeMalformed, "bytes after the end of the packet"},
	{"PUBACK properties past the end", V5, frame(0x40, 0, 1, 0, 5), CodeMalformed, "packet ends inside a field"},

	{"SUBSCRIBE flags", V311, frame(0x80, 0, 1, str("t"), 0), CodeMalformed, "reserved flags of the fixed header"},
	{"SUBSCRIBE empty", V5, frame(0x82), CodeMalformed, "packet ends inside a field"},
	{"SUBSCRIBE id 0", V311, frame(0x82, 0, 0, str("t"), 0), CodeProtocolError, "packet id 0"},
	{"SUBSCRIBE no filter", V311, frame(0x82, 0, 1), CodeProtocolError, "no topic filter"},
	{"SUBSCRIBE no filter", V5, frame(0x82, 0, 1, 0), CodeProtocolError, "no topic filter"},
	{"SUBSCRIBE no properties", V5, frame(0x82, 0, 1), CodeMalformed, "packet ends inside a field"},
	{"SUBSCRIBE no options, which ends the engine's process", V5, []byte{0x82, 6, 0, 1, 0, 0, 1, 'a'}, CodeMalformed, "packet ends inside a field"},
	{"SUBSCRIBE no options", V311, frame(0x82, 0, 1, str("t")), CodeMalformed, "packet ends inside a field"},
	{"SUBSCRIBE no options at the second", V5, frame(0x82, 0, 1, 0, str("a"), 1, str("b")), CodeMalformed, "packet ends inside a field"},
	{"SUBSCRIBE reserved options", V311, frame(0x82, 0, 1, str("t"), 0x04), CodeMalformed, "reserved bits of the subscription options"},
	{"SUBSCRIBE reserved options", V5, frame(0x82, 0, 1, 0, str("t"), 0x40), CodeMalformed, "reserved bits of the subscription options"},
	{"SUBSCRIBE QoS 3", V311, frame(0x82, 0, 1, str("t"), 3), CodeProtocolError, "subscription with QoS 3"},
	{"SUBSCRIBE QoS 3", V5, frame(0x82, 0, 1, 0, str("t"), 3), CodeProtocolError, "subscription with QoS 3"},
	{"SUBSCRIBE retain handling 3", V5, frame(0x82, 0, 1, 0, str("t"), 0x30), CodeProtocolError, "subscription with retain handling 3"},
	{"SUBSCRIBE shared with no-local", V5, frame(0x82, 0, 1, 0, str("$share/g/t"), 4), CodeProtocolError, "no-local on a shared subscription"},
	{"SUBSCRIBE empty filter", V311, frame(0x82, 0, 1, str(""), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE + beside a letter", V311, frame(0x82, 0, 1, str("a/b+/c"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE # beside a letter", V5, frame(0x82, 0, 1, 0, str("a/b#"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE # before the end", V5, frame(0x82, 0, 1, 0, str("a/#/b"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE ++", V311, frame(0x82, 0, 1, str("++"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE group without filter", V5, frame(0x82, 0, 1, 0, str("$share/g"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE group with an empty filter", V5, frame(0x82, 0, 1, 0, str("$share/g/"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE empty group", V5, frame(0x82, 0, 1, 0, str("$share//t"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE wildcard as group", V5, frame(0x82, 0, 1, 0, str("$share/+/t"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE bad filter of a group in capitals", V5, frame(0x82, 0, 1, 0, str("$SHARE/g/a#"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE filter with NUL", V5, frame(0x82, 0, 1, 0, str("a\x00"), 0), CodeMalformed, "name with a control character"},
	{"SUBSCRIBE filter not UTF-8", V311, frame(0x82, 0, 1, str("a\xe5"), 0), CodeMalformed, "name that is not UTF-8"},
	{"SUBSCRIBE bad second filter", V311, frame(0x82, 0, 1, str("a"), 0, str("b#"), 0), CodeFilterInvalid, "topic filter of bad form"},
	{"SUBSCRIBE identifier 0", V5, frame(0x82, 0, 1, props(propSubscriptionID, 0), str("t"), 0), CodeProtocolError, "property that must not be 0"},
	{"SUBSCRIBE identifier twice", V5, frame(0x82, 0, 1, props(propSubscriptionID, 1, propSubscriptionID, 2), str("t"), 0), CodeProtocolError, "property sent twice"},
	{"SUBSCRIBE identifier of five bytes", V5, frame(0x82, 0, 1, props(propSubscriptionID, "\xff\xff\xff\xff\x01"), str("t"), 0), CodeMalformed, "property that runs past the properties' end"},
	{"SUBSCRIBE property of PUBLISH", V5, frame(0x82, 0, 1, props(propPayloadFormat, 1), str("t"), 0), CodeMalformed, "property that is unknown, or not for this packet"},

	{"UNSUBSCRIBE flags", V311, frame(0xa0, 0, 1, str("t")), CodeMalformed, "reserved flags of the fixed header"},
	{"UNSUBSCRIBE id 0", V5, frame(0xa2, 0, 0, 0, str("t")), CodeProtocolError, "packet id 0"},
	{"UNSUBSCRIBE no filter", V311, frame(0xa2, 0, 1), CodeProtocolError, "no topic filter"},
	{"UNSUBSCRIBE filter cut", V311, frame(0xa2, 0, 1, 0, 9, "t"), CodeMalformed, "packet ends inside a field"},
	{"UNSUBSCRIBE bad filter", V5, frame(0xa2, 0, 1, 0, str("a/#/b")), CodeFilterInvalid, "topic filter of bad form"},
	{"UNSUBSCRIBE empty filter", V311, frame(0xa2, 0, 1, str("")), CodeFilterInvalid, "topic filter of bad form"},
	{"UNSUBSCRIBE property of SUBSCRIBE", V5, frame(0xa2, 0, 1, props(propSubscriptionID, 1), str("t")), CodeMalformed, "property that is unknown, or not for this packet"},

	{"PINGREQ flags", V311, frame(0xc1), CodeMalformed, "reserved flags of the fixed header"},
	{"PINGREQ with a body", V311, frame(0xc0, 0), CodeMalformed, "PINGREQ with a body"},

	{"DISCONNECT flags", V311, frame(0xe8), CodeMalformed, "reserved flags of the fixed header"},
	{"DISCONNECT with a body", V311, frame(0xe0, 0), CodeMalformed, "bytes after the end of the packet"},
	{"DISCONNECT code of the server", V5, frame(0xe0, 0x8e), CodeProtocolError, "reason code that is not for this packet"},
	{"DISCONNECT unknown code", V5, frame(0xe0, 0x42, 0), CodeProtocolError, "reason code that is not for this packet"},
	{"DISCONNECT property of the server", V5, frame(0xe0, 0, props(0x1c, str("other"))), CodeMalformed, "property that is unknown, or not for this packet"},
	{"DISCONNECT session expiry twice", V5, frame(0xe0, 0, props(propSessionExpiry, "\x00\x00\x00\x01", propSessionExpiry, "\x00\x00\x00\x01")), CodeProtocolError, "property sent twice"},
	{"DISCONNECT excess bytes", V5, frame(0xe0, 0, 0, 0), CodeMalformed, "bytes after the end of the packet"},

	{"AUTH flags", V5, frame(0xf1, 0x18, props(propAuthMethod, str("JWT"))), CodeMalformed, "reserved flags of the fixed header"},
	{"AUTH success", V5, frame(0xf0), CodeProtocolError, "reason code that is not for this packet"},
	{"AUTH code alone", V5, frame(0xf0, 0x18), CodeMalformed, "packet ends inside a field"},
	{"AUTH unknown code", V5, frame(0xf0, 0x1a, props(propAuthMethod, str("JWT"))), CodeProtocolError, "reason code that is not for this packet"},
	{"AUTH without method", V5, frame(0xf0, 0x19, props(propAuthData, str("d"))), CodeProtocolError, "no authentication method"},
	{"AUTH method twice", V5, frame(0xf0, 0x19, props(propAuthMethod, str("a"), propAuthMethod, str("a"))), CodeProtocolError, "property sent twice"},
	{"AUTH excess bytes", V5, frame(0xf0, 0x19, props(propAuthMethod, str("a")), 0), CodeMalformed, "bytes after the end of the packet"},
}

func TestParseConnectRefuses(t *testing.T) {
	for _, tt := range brokenConnects {
		c, err := ParseConnect(tt.frame)
		refuses(t, "ParseConnect", tt, err)
		if c.Version != tt.version {
			t.Errorf("ParseConnect(%s) answers in version %d, want %d", tt.name, c.Version, tt.version)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, tt := range brokenFrames {
		refuses(t, "Check", tt, Check(tt.frame, tt.version))
	}
}

// TestReadersRefuseOtherTypes: a reader of one type does not read another.
func TestReadersRefuseOtherTypes(t *testing.T) {
	other := broken{name: "PINGREQ", version: V5, frame: frame(0xc0), code: CodeMalformed, reason: "packet of another type"}
	for call, read := range map[string]func([]byte) error{
		"ParseConnect":     func(b []byte) error { _, err := ParseConnect(b); return err },
		"ParsePublish":     func(b []byte) error { return ParsePublish(b, V5, new(Publish)) },
		"ParseAck":         func(b []byte) error { _, err := ParseAck(b, V5); return err },
		"ParseSubscribe":   func(b []byte) error { _, err := ParseSubscribe(b, V5); return err },
		"ParseUnsubscribe": func(b []byte) error { _, err := ParseUnsubscribe(b, V5); return err },
		"ParseDisconnect":  func(b []byte) error { _, err := ParseDisconnect(b, V5); return err },
		"ParseAuth":        func(b []byte) error { _, err := ParseAuth(b); return err },
	} {
		refuses(t, call, other, read(other.frame))
		refuses(t, call, other, read(nil))
	}
}

func refuses(t *testing.T, call string, tt broken, err error) {
	t.Helper()
	var m *Malformed
	if !errors.As(err, &m) {
		t.Errorf("%s(%s, version %d) = %v, want a *Malformed", call, tt.name, tt.version, err)
		return
	}
	if m.Code != tt.code || m.Reason != tt.reason {
		t.Errorf("%s(%s, version %d) = 0x%02x %q, want 0x%02x %q", call, tt.name, tt.version, m.Code, m.Reason, tt.code, tt.reason)
	}
}
