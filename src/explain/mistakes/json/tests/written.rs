//! JSON written again by real tools.

/// `JSON.stringify` of Node 20 gives both of themselves.
pub(super) const HUBSPOT: &str = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"appId":54321,"occurredAt":1795289460424,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":123,"changeSource":"CRM","propertyName":"firstname","propertyValue":"Zoë"}]"#;
pub(super) const TWENTY: &str = r#"{"targetUrl":"https://hooks.example.com/twenty","eventName":"person.updated","objectMetadata":{"id":"37","nameSingular":"person"},"workspaceId":"87","webhookId":"90","eventDate":"2026-03-14T09:26:53.589Z","record":{"id":"0d","name":{"firstName":"Žluťoučký","lastName":"O'Hara <a&b> 🚀"},"emails":{"primaryEmail":"ada@example.com","additionalEmails":[]},"position":1.5,"deletedAt":null},"updatedFields":["jobTitle"]}"#;

/// What was signed, what was received, and how the one was made of the other: by Python 3.11, Node 20 and jq 1.6.
pub(super) const WRITTEN: [(&str, &str, &str); 19] = [
    (
        HUBSPOT,
        r#"[{"eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": 1795289460424, "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM", "propertyName": "firstname", "propertyValue": "Zo\u00eb"}]"#,
        "json.dumps(o)",
    ),
    (
        HUBSPOT,
        r#"[{"eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": 1795289460424, "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM", "propertyName": "firstname", "propertyValue": "Zoë"}]"#,
        "ensure_ascii=False",
    ),
    (
        HUBSPOT,
        r#"[{"appId": 54321, "attemptNumber": 0, "changeSource": "CRM", "eventId": 1, "objectId": 123, "occurredAt": 1795289460424, "portalId": 62515, "propertyName": "firstname", "propertyValue": "Zo\u00eb", "subscriptionId": 12345, "subscriptionType": "contact.propertyChange"}]"#,
        "sort_keys",
    ),
    (
        HUBSPOT,
        "[\n    {\n        \"eventId\": 1,\n        \"subscriptionId\": 12345,\n        \"portalId\": 62515,\n        \"appId\": 54321,\n        \"occurredAt\": 1795289460424,\n        \"subscriptionType\": \"contact.propertyChange\",\n        \"attemptNumber\": 0,\n        \"objectId\": 123,\n        \"changeSource\": \"CRM\",\n        \"propertyName\": \"firstname\",\n        \"propertyValue\": \"Zo\\u00eb\"\n    }\n]",
        "indent=4",
    ),
    (
        HUBSPOT,
        "[\n  {\n    \"eventId\": 1,\n    \"subscriptionId\": 12345,\n    \"portalId\": 62515,\n    \"appId\": 54321,\n    \"occurredAt\": 1795289460424,\n    \"subscriptionType\": \"contact.propertyChange\",\n    \"attemptNumber\": 0,\n    \"objectId\": 123,\n    \"changeSource\": \"CRM\",\n    \"propertyName\": \"firstname\",\n    \"propertyValue\": \"Zoë\"\n  }\n]",
        "JSON.stringify(o,null,2)",
    ),
    (
        HUBSPOT,
        "[\n\t{\n\t\t\"eventId\": 1,\n\t\t\"subscriptionId\": 12345,\n\t\t\"portalId\": 62515,\n\t\t\"appId\": 54321,\n\t\t\"occurredAt\": 1795289460424,\n\t\t\"subscriptionType\": \"contact.propertyChange\",\n\t\t\"attemptNumber\": 0,\n\t\t\"objectId\": 123,\n\t\t\"changeSource\": \"CRM\",\n\t\t\"propertyName\": \"firstname\",\n\t\t\"propertyValue\": \"Zoë\"\n\t}\n]",
        "tab",
    ),
    (
        HUBSPOT,
        "[\n  {\n    \"eventId\": 1,\n    \"subscriptionId\": 12345,\n    \"portalId\": 62515,\n    \"appId\": 54321,\n    \"occurredAt\": 1795289460424,\n    \"subscriptionType\": \"contact.propertyChange\",\n    \"attemptNumber\": 0,\n    \"objectId\": 123,\n    \"changeSource\": \"CRM\",\n    \"propertyName\": \"firstname\",\n    \"propertyValue\": \"Zoë\"\n  }\n]\n",
        "jq",
    ),
    (
        HUBSPOT,
        r#"[{"appId":54321,"attemptNumber":0,"changeSource":"CRM","eventId":1,"objectId":123,"occurredAt":1795289460424,"portalId":62515,"propertyName":"firstname","propertyValue":"Zoë","subscriptionId":12345,"subscriptionType":"contact.propertyChange"}]"#,
        "jq -S",
    ),
    (
        HUBSPOT,
        r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"appId":54321,"occurredAt":1795289460424,"subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":123,"changeSource":"CRM","propertyName":"firstname","propertyValue":"Zo\u00eb"}]"#,
        "jq -ac",
    ),
    (
        r#"[{"eventId": 1, "subscriptionId": 12345, "portalId": 62515, "appId": 54321, "occurredAt": 1795289460424, "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM", "propertyName": "firstname", "propertyValue": "Zo\u00eb"}]"#,
        HUBSPOT,
        "node of dumps",
    ),
    (
        "[\n  {\n    \"eventId\": 1,\n    \"subscriptionId\": 12345,\n    \"portalId\": 62515,\n    \"appId\": 54321,\n    \"occurredAt\": 1795289460424,\n    \"subscriptionType\": \"contact.propertyChange\",\n    \"attemptNumber\": 0,\n    \"objectId\": 123,\n    \"changeSource\": \"CRM\",\n    \"propertyName\": \"firstname\",\n    \"propertyValue\": \"Zo\\u00eb\"\n  }\n]",
        HUBSPOT,
        "node of indent2",
    ),
    (
        "[\n    {\n        \"eventId\": 1,\n        \"subscriptionId\": 12345,\n        \"portalId\": 62515,\n        \"appId\": 54321,\n        \"occurredAt\": 1795289460424,\n        \"subscriptionType\": \"contact.propertyChange\",\n        \"attemptNumber\": 0,\n        \"objectId\": 123,\n        \"changeSource\": \"CRM\",\n        \"propertyName\": \"firstname\",\n        \"propertyValue\": \"Zoë\"\n    }\n]",
        HUBSPOT,
        "node of indent4",
    ),
    (
        r#"[{"appId": 54321, "attemptNumber": 0, "changeSource": "CRM", "eventId": 1, "objectId": 123, "occurredAt": 1795289460424, "portalId": 62515, "propertyName": "firstname", "propertyValue": "Zo\u00eb", "subscriptionId": 12345, "subscriptionType": "contact.propertyChange"}]"#,
        r#"[{"appId":54321,"attemptNumber":0,"changeSource":"CRM","eventId":1,"objectId":123,"occurredAt":1795289460424,"portalId":62515,"propertyName":"firstname","propertyValue":"Zoë","subscriptionId":12345,"subscriptionType":"contact.propertyChange"}]"#,
        "node of sort",
    ),
    (
        TWENTY,
        r#"{"targetUrl": "https://hooks.example.com/twenty", "eventName": "person.updated", "objectMetadata": {"id": "37", "nameSingular": "person"}, "workspaceId": "87", "webhookId": "90", "eventDate": "2026-03-14T09:26:53.589Z", "record": {"id": "0d", "name": {"firstName": "\u017dlu\u0165ou\u010dk\u00fd", "lastName": "O'Hara <a&b> \ud83d\ude80"}, "emails": {"primaryEmail": "ada@example.com", "additionalEmails": []}, "position": 1.5, "deletedAt": null}, "updatedFields": ["jobTitle"]}"#,
        "json.dumps(o)",
    ),
    (
        TWENTY,
        r#"{"eventDate": "2026-03-14T09:26:53.589Z", "eventName": "person.updated", "objectMetadata": {"id": "37", "nameSingular": "person"}, "record": {"deletedAt": null, "emails": {"additionalEmails": [], "primaryEmail": "ada@example.com"}, "id": "0d", "name": {"firstName": "\u017dlu\u0165ou\u010dk\u00fd", "lastName": "O'Hara <a&b> \ud83d\ude80"}, "position": 1.5}, "targetUrl": "https://hooks.example.com/twenty", "updatedFields": ["jobTitle"], "webhookId": "90", "workspaceId": "87"}"#,
        "sort_keys",
    ),
    (
        TWENTY,
        "{\n    \"targetUrl\": \"https://hooks.example.com/twenty\",\n    \"eventName\": \"person.updated\",\n    \"objectMetadata\": {\n        \"id\": \"37\",\n        \"nameSingular\": \"person\"\n    },\n    \"workspaceId\": \"87\",\n    \"webhookId\": \"90\",\n    \"eventDate\": \"2026-03-14T09:26:53.589Z\",\n    \"record\": {\n        \"id\": \"0d\",\n        \"name\": {\n            \"firstName\": \"\\u017dlu\\u0165ou\\u010dk\\u00fd\",\n            \"lastName\": \"O'Hara <a&b> \\ud83d\\ude80\"\n        },\n        \"emails\": {\n            \"primaryEmail\": \"ada@example.com\",\n            \"additionalEmails\": []\n        },\n        \"position\": 1.5,\n        \"deletedAt\": null\n    },\n    \"updatedFields\": [\n        \"jobTitle\"\n    ]\n}",
        "indent=4",
    ),
    (
        TWENTY,
        r#"{"eventDate":"2026-03-14T09:26:53.589Z","eventName":"person.updated","objectMetadata":{"id":"37","nameSingular":"person"},"record":{"deletedAt":null,"emails":{"additionalEmails":[],"primaryEmail":"ada@example.com"},"id":"0d","name":{"firstName":"Žluťoučký","lastName":"O'Hara <a&b> 🚀"},"position":1.5},"targetUrl":"https://hooks.example.com/twenty","updatedFields":["jobTitle"],"webhookId":"90","workspaceId":"87"}"#,
        "jq -S",
    ),
    (
        r#"{"targetUrl": "https://hooks.example.com/twenty", "eventName": "person.updated", "objectMetadata": {"id": "37", "nameSingular": "person"}, "workspaceId": "87", "webhookId": "90", "eventDate": "2026-03-14T09:26:53.589Z", "record": {"id": "0d", "name": {"firstName": "\u017dlu\u0165ou\u010dk\u00fd", "lastName": "O'Hara <a&b> \ud83d\ude80"}, "emails": {"primaryEmail": "ada@example.com", "additionalEmails": []}, "position": 1.5, "deletedAt": null}, "updatedFields": ["jobTitle"]}"#,
        TWENTY,
        "node of dumps",
    ),
    (
        "{\n\t\"targetUrl\": \"https://hooks.example.com/twenty\",\n\t\"eventName\": \"person.updated\",\n\t\"objectMetadata\": {\n\t\t\"id\": \"37\",\n\t\t\"nameSingular\": \"person\"\n\t},\n\t\"workspaceId\": \"87\",\n\t\"webhookId\": \"90\",\n\t\"eventDate\": \"2026-03-14T09:26:53.589Z\",\n\t\"record\": {\n\t\t\"id\": \"0d\",\n\t\t\"name\": {\n\t\t\t\"firstName\": \"\\u017dlu\\u0165ou\\u010dk\\u00fd\",\n\t\t\t\"lastName\": \"O'Hara <a&b> \\ud83d\\ude80\"\n\t\t},\n\t\t\"emails\": {\n\t\t\t\"primaryEmail\": \"ada@example.com\",\n\t\t\t\"additionalEmails\": []\n\t\t},\n\t\t\"position\": 1.5,\n\t\t\"deletedAt\": null\n\t},\n\t\"updatedFields\": [\n\t\t\"jobTitle\"\n\t]\n}",
        TWENTY,
        "node of tab",
    ),
];
