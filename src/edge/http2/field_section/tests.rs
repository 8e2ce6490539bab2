use super::*;

fn found(reader: &mut Reader, section: &[u8]) -> Result<Found, Malformed> {
    reader.read(section)?;
    reader.end()
}

fn of(fragment: bool, pseudo: bool) -> Result<Found, Malformed> {
    Ok(Found {
        fragment,
        pseudo,
        malformed: false,
    })
}

#[test]
fn the_examples_of_the_standard_are_read_with_their_tables() {
    // RFC 7541 appendix C.4: requests with Huffman coding, and the size of the table after each.
    let mut reader = Reader::new(1_000);
    for (section, bytes) in [
        ("828684418cf1e3c2e5f23a6ba0ab90f4ff", 57),
        ("828684be5886a8eb10649cbf", 110),
        ("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf", 164),
    ] {
        let section = hex::decode(section).unwrap();
        assert_eq!(found(&mut reader, &section), of(false, true));
        assert_eq!(reader.table_bytes, bytes);
    }
    // Appendix C.5: answers whose table of 256 bytes has no room for all.
    let mut reader = Reader::new(1_000);
    reader.max_table_bytes = 256;
    for (section, bytes) in [
        (
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            222,
        ),
        ("4803333037c1c0bf", 222),
    ] {
        let section = hex::decode(section).unwrap();
        assert!(found(&mut reader, &section).is_ok());
        assert_eq!(reader.table_bytes, bytes);
    }
}

#[test]
fn a_fragment_is_found_in_every_spelling() {
    let plain = b"\x04\x03/a#";
    let named = b"\x00\x05:path\x03/a#";
    let mut coded = Vec::new();
    httlib_huffman::encode(b"/a#b", &mut coded).unwrap();
    let length = u8::try_from(coded.len()).unwrap() | 0x80;
    let coded = [&[0x04, length][..], &coded].concat();
    for section in [&plain[..], named, &coded] {
        assert_eq!(found(&mut Reader::new(100), section), of(true, true));
    }
    let mut reader = Reader::new(100);
    assert_eq!(found(&mut reader, b"\x44\x03/a#"), of(true, true));
    assert_eq!(
        found(&mut reader, b"\xbe"),
        of(true, true),
        "from the table"
    );
    assert_eq!(found(&mut reader, b"\x04\x02/a"), of(false, true));
    let field = b"\x00\x01x\x01#";
    assert_eq!(found(&mut reader, field), of(false, false));
}

#[test]
fn what_no_request_may_have_is_found_wherever_the_section_is_cut() {
    let sound = b"\x82\x86\x84\x41\x01a\x40\x02te\x08trailers\x00\x01x\x01y";
    let sections: [(&[u8], bool); 14] = [
        (sound, false),
        (b"\x82\x86\x84\x01\x01a\xbe", false),
        (b"\x82\x86\x84\x84\x01\x01a", true),
        (b"\x82\x83\x86\x84", true),
        (b"\x82\x86\x87\x84", true),
        (b"\x01\x01a\x01\x01b", true),
        (b"\x82\x86\x00\x01x\x01y\x84", true),
        (b"\x82\x86\x84\x88", true),
        (b"\x82\x86\x84\x00\x02te\x04gzip", true),
        (b"\x82\x86\x84\x0f\x2a\x07chunked", true),
        (b"\x82\x86\x84\x00\x0aconnection\x01x", true),
        (b"\x82\x86\x84\x00\x07upgrade\x01x", true),
        (b"\x82\x86\x84\x00\x09:protocol\x01x", true),
        (b"\x82\x86\x84\x00\x01X\x01x", true),
    ];
    for (section, is_malformed) in sections {
        for cut in 0..section.len() {
            let mut reader = Reader::new(100);
            // What the second section takes from the table.
            reader.read(b"\x40\x01y\x01y").unwrap();
            assert_eq!(reader.end(), of(false, false));
            reader.read(&section[..cut]).unwrap();
            let found = found(&mut reader, &section[cut..]).unwrap();
            assert_eq!(found.malformed, is_malformed, "{section:?} cut at {cut}");
        }
    }
}

#[test]
fn a_section_in_pieces_is_the_same_section() {
    let section = hex::decode("8286418cf1e3c2e5f23a6ba0ab90f4ff4403").unwrap();
    let section = [&section[..], b"/a#"].concat();
    for cut in 0..section.len() {
        let mut reader = Reader::new(100);
        reader.read(&section[..cut]).unwrap();
        assert_eq!(found(&mut reader, &section[cut..]), of(true, true), "{cut}");
    }
}

#[test]
fn what_is_no_section_is_told() {
    for bytes in [
        &b"\x80"[..],
        b"\xff\xff\xff\xff\xff\xff",
        b"\xff\x80\x01",
        b"\x3f\xe2\x1f",
        b"\x00\x81\xff\x00",
        b"\x00\x00\x01x",
        b"\x40\x00\x01x",
        b"\x04\x03/a",
        b"\x00",
    ] {
        assert_eq!(
            found(&mut Reader::new(100), bytes),
            Err(Malformed),
            "{bytes:?}"
        );
    }
    let long = [&b"\x04\x7f\x81\x01"[..], &[b'a'; 101]].concat();
    assert_eq!(Reader::new(100).read(&long), Err(Malformed));
}
