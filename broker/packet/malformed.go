package packet

// Control packet types: the upper four bits of a frame's first byte (section 2.1.2).
const (
	TypeConnect     byte = 1
	TypeConnack     byte = 2
	TypePublish     byte = 3
	TypePuback      byte = 4
	TypePubrec      byte = 5
	TypePubrel      byte = 6
	TypePubcomp     byte = 7
	TypeSubscribe   byte = 8
	TypeSuback      byte = 9
	TypeUnsubscribe byte = 10
	TypeUnsuback    byte = 11
	TypePingreq     byte = 12
	TypePingresp    byte = 13
	TypeDisconnect  byte = 14
	TypeAuth        byte = 15 // MQTT 5 only
)

// Protocol versions, as CONNECT carries them (section 3.1.2.2).
const (
	V311 byte = 4
	V5   byte = 5
)

// Reason codes of MQTT 5 (section 2.4).
const (
	CodeSuccess            byte = 0x00
	CodeDisconnectWithWill byte = 0x04
	CodeContinueAuth       byte = 0x18
	CodeReauthenticate     byte = 0x19
	CodeUnspecified        byte = 0x80
	CodeMalformed          byte = 0x81
	CodeProtocolError      byte = 0x82
	CodeImplementation     byte = 0x83
	CodeUnsupportedVersion byte = 0x84
	CodeClientIDInvalid    byte = 0x85
	CodeBadCredentials     byte = 0x86
	CodeNotAuthorized      byte = 0x87
	CodeServerUnavailable  byte = 0x88
	CodeServerBusy         byte = 0x89
	CodeBanned             byte = 0x8A
	CodeShuttingDown       byte = 0x8B
	CodeBadAuthMethod      byte = 0x8C
	CodeKeepAliveTimeout   byte = 0x8D
	CodeTakenOver          byte = 0x8E
	CodeFilterInvalid      byte = 0x8F
	CodeTopicInvalid       byte = 0x90
	CodeIDInUse            byte = 0x91
	CodeIDNotFound         byte = 0x92
	CodeReceiveMaximum     byte = 0x93
	CodeTopicAliasInvalid  byte = 0x94
	CodeTooLarge           byte = 0x95
	CodeRateTooHigh        byte = 0x96
	CodeQuotaExceeded      byte = 0x97
	CodeAdministrative     byte = 0x98
	CodePayloadFormat      byte = 0x99
	CodeRetainUnsupported  byte = 0x9A
	CodeQoSUnsupported     byte = 0x9B
	CodeConnectionRate     byte = 0x9F
)

// Malformed is what every reader of this package returns for a frame that
// breaks a rule. The connection it came from cannot go on (section 4.13).
type Malformed struct {
	Code   byte   // reason code of MQTT 5 for the CONNACK or DISCONNECT
	Reason string // what is wrong, without anything the client sent
}

func (e *Malformed) Error() string { return e.Reason }

func malformed(reason string) error { return &Malformed{CodeMalformed, reason} }

func protocolError(reason string) error { return &Malformed{CodeProtocolError, reason} }
