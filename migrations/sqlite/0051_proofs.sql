-- Whose each uploaded photo or signature is, to be erased with the driver.

-- +goose Up
CREATE TABLE proofs (
    fleet    TEXT NOT NULL,
    shipment TEXT NOT NULL,
    file     TEXT NOT NULL,
    driver   TEXT NOT NULL,
    PRIMARY KEY (fleet, shipment, file)
) STRICT, WITHOUT ROWID;

CREATE INDEX proofs_driver ON proofs (fleet, driver);

INSERT INTO proofs (fleet, shipment, file, driver)
    SELECT DISTINCT fleet, entity_id, after ->> 'id', actor FROM audit WHERE action = 'upload' AND entity = 'shipment'
    ON CONFLICT DO NOTHING;

-- +goose Down
DROP TABLE proofs;
