-- Whose each uploaded photo or signature is, to be erased with the driver.

-- +goose Up
CREATE TABLE proofs (
    fleet    text COLLATE "C" NOT NULL,
    shipment text COLLATE "C" NOT NULL,
    file     text COLLATE "C" NOT NULL,
    driver   text COLLATE "C" NOT NULL,
    PRIMARY KEY (fleet, shipment, file)
);

CREATE INDEX proofs_driver ON proofs (fleet, driver);

INSERT INTO proofs (fleet, shipment, file, driver)
    SELECT DISTINCT fleet, entity_id, after::jsonb ->> 'id', actor FROM audit WHERE action = 'upload' AND entity = 'shipment'
    ON CONFLICT DO NOTHING;

-- +goose Down
DROP TABLE proofs;
