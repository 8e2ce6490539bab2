//! The order of an object's members, where a parser sorted them.

use super::tokens::{Document, Kind, Token};

/// An order that is known: lists of keys, each of one kind of object.
pub(super) type Known<'a> = Vec<Vec<&'a str>>;

/// How members are put in order.
pub(super) enum Order<'a> {
    /// By their keys' bytes, as `sort_keys` and Go's maps do.
    Sorted,
    /// As a provider writes them. Keys that are not known come last, in the order in which they were received.
    Known(&'a Known<'a>),
    /// The members of the outermost objects that have as many, by their places before.
    Permuted(&'a [usize]),
    /// Members whose keys are integers, which JavaScript puts first, moved behind so many of the others.
    IntegersBehind(usize),
}

/// The orders of members in HubSpot's events: current ones, those of its documentation, older ones. Source:
/// HubSpot's documentation of webhooks and of validating requests.
const HUBSPOT: [&str; 5] = [
    "eventId subscriptionId portalId appId occurredAt subscriptionType eventType attemptNumber objectId \
     objectTypeId propertyName propertyValue changeFlag changeSource sourceId isSensitive messageId messageType \
     associationType associationCategory associationTypeId fromObjectId fromObjectTypeId toObjectId \
     toObjectTypeId associationRemoved isPrimaryAssociation primaryObjectId mergedObjectIds newObjectId \
     numberOfPropertiesMoved",
    "eventId subscriptionId portalId appId occurredAt subscriptionType attemptNumber objectId changeSource \
     changeFlag propertyName propertyValue sourceId isSensitive objectTypeId",
    "appId eventId subscriptionId portalId occurredAt subscriptionType attemptNumber objectId changeSource \
     propertyName propertyValue changeFlag sourceId isSensitive objectTypeId",
    "eventId subscriptionId portalId occurredAt subscriptionType attemptNumber objectId changeSource changeFlag \
     propertyName propertyValue sourceId appId",
    "objectId propertyName propertyValue changeFlag changeSource eventId subscriptionId portalId appId \
     occurredAt subscriptionType eventType attemptNumber",
];

/// The objects of Twenty's events. Source: captured deliveries. Of records, the timestamps come last in
/// newer versions, and after the id in older ones.
const TWENTY: [&[&str]; 2] = [
    &[
        "targetUrl eventName objectMetadata workspaceId webhookId eventDate userId workspaceMemberId record event \
         updatedFields",
        "id nameSingular",
        "id name title emails phones linkedinLink xLink jobTitle city avatarUrl position createdBy createdAt \
         updatedAt deletedAt",
        "firstName lastName",
        "primaryEmail additionalEmails",
        "primaryPhoneNumber primaryPhoneCountryCode primaryPhoneCallingCode additionalPhones",
        "primaryLinkUrl primaryLinkLabel secondaryLinks",
        "source workspaceMemberId name context",
        "type metadataName recordId properties",
        "before after",
        "amountMicros currencyCode",
    ],
    &[
        "targetUrl eventName objectMetadata workspaceId webhookId eventDate userId workspaceMemberId record event \
         updatedFields",
        "id nameSingular",
        "id createdAt updatedAt deletedAt name title emails linkedinLink xLink jobTitle phones city avatarUrl \
         position createdBy",
        "firstName lastName",
        "primaryEmail additionalEmails",
        "primaryPhoneNumber primaryPhoneCountryCode primaryPhoneCallingCode additionalPhones",
        "primaryLinkLabel primaryLinkUrl secondaryLinks",
        "source workspaceMemberId name context",
        "type metadataName recordId properties",
        "before after",
        "amountMicros currencyCode",
    ],
];

/// The orders of all that is known, whoever sends it.
pub(super) fn known<'a>() -> Vec<Known<'a>> {
    let list = |keys: &'static str| -> Vec<&'a str> { keys.split_ascii_whitespace().collect() };
    let hubspot = HUBSPOT.into_iter().map(|keys| vec![list(keys)]);
    let twenty = TWENTY
        .into_iter()
        .map(|objects| objects.iter().map(|keys| list(keys)).collect());
    hubspot.chain(twenty).collect()
}

/// The order of the members of a document's objects.
pub(super) fn of<'a>(document: &Document<'a>) -> Known<'a> {
    let tokens = &document.tokens;
    let objects = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == Kind::Object);
    objects
        .map(|(at, _)| {
            let members = members(tokens, at).into_iter();
            members.map(|(key, _)| key_of(document, key)).collect()
        })
        .collect()
}

/// The number of members of the outermost object: the document itself, or the first of its elements.
pub(super) fn outermost_members(document: &Document<'_>) -> Option<usize> {
    let tokens = &document.tokens;
    let first = match tokens.first()?.kind {
        Kind::Object => 0,
        Kind::Array => 1,
        _ => return None,
    };
    let object = tokens.get(first)?;
    (object.kind == Kind::Object).then(|| members(tokens, first).len())
}

/// How many members, not of integers, the largest object has that has one of an integer; none where none has.
pub(super) fn most_beside_integers(document: &Document<'_>) -> Option<usize> {
    let tokens = &document.tokens;
    let objects = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == Kind::Object);
    let counts = objects.filter_map(|(at, _)| {
        let members = members(tokens, at);
        let is_integer = |(key, _): &&(usize, usize)| is_index(key_of(document, *key));
        let integers = members.iter().filter(is_integer).count();
        (integers > 0).then(|| members.len().saturating_sub(integers))
    });
    counts.max()
}

/// Whether a key is one that JavaScript sorts as a number (ECMA-262, array index).
fn is_index(key: &str) -> bool {
    key.parse::<u32>()
        .is_ok_and(|index| index < u32::MAX && index.to_string() == key)
}

/// The tokens with the members of objects in another order; `None` if it is the same.
pub(super) fn reordered(document: &Document<'_>, order: &Order<'_>) -> Option<Vec<Token>> {
    let tokens = &document.tokens;
    let mut out = Vec::with_capacity(tokens.len());
    let mut is_other = false;
    let outermost = match tokens.first()?.kind {
        Kind::Array => 1,
        _ => 0,
    };
    // Ranges of tokens that are still to be written, the next one last, and how deep they lie.
    let mut left = vec![(0, tokens.len(), 0_usize)];
    while let Some((from, to, mut depth)) = left.pop() {
        let mut at = from;
        while at < to {
            let token = *tokens.get(at)?;
            out.push(token);
            at = at.saturating_add(1);
            match token.kind {
                Kind::Array => depth = depth.saturating_add(1),
                Kind::ArrayEnd => depth = depth.saturating_sub(1),
                Kind::Object => {
                    let mut members = members(tokens, at.saturating_sub(1));
                    is_other |= sort(document, order, depth == outermost, &mut members);
                    left.push((token.close(), to, depth));
                    let inner = depth.saturating_add(1);
                    let next = members.iter().rev();
                    left.extend(next.map(|(from, to)| (*from, *to, inner)));
                    break;
                }
                _ => {}
            }
        }
    }
    is_other.then_some(out)
}

/// The members of the object that begins here: from its key, to the end of its value.
fn members(tokens: &[Token], object: usize) -> Vec<(usize, usize)> {
    let mut members = Vec::new();
    let mut at = object.saturating_add(1);
    while let Some(Kind::Key) = tokens.get(at).map(|token| token.kind) {
        let value = at.saturating_add(1);
        let end = match tokens.get(value) {
            Some(token) if matches!(token.kind, Kind::Object | Kind::Array) => token.close(),
            _ => value,
        };
        let end = end.saturating_add(1);
        members.push((at, end));
        at = end;
    }
    members
}

/// Puts an object's members in order, and says whether it is another one.
fn sort(
    document: &Document<'_>,
    order: &Order<'_>,
    is_outermost: bool,
    members: &mut Vec<(usize, usize)>,
) -> bool {
    let before = members.clone();
    match order {
        Order::Sorted => members.sort_by_key(|(key, _)| key_of(document, *key)),
        Order::Known(lists) => {
            let keys: Vec<_> = members
                .iter()
                .map(|(key, _)| key_of(document, *key))
                .collect();
            let known = |list: &&Vec<&str>| keys.iter().filter(|key| list.contains(key)).count();
            // The first of those that know most: `max_by_key` alone would take the last.
            let best = lists.iter().rev().max_by_key(known);
            let best = best.filter(|list| known(list).saturating_mul(2) >= keys.len());
            if let Some(list) = best {
                let rank = |key: &str| list.iter().position(|other| *other == key);
                members.sort_by_cached_key(|(key, _)| {
                    rank(key_of(document, *key)).unwrap_or(usize::MAX)
                });
            }
        }
        Order::Permuted(places) if is_outermost && places.len() == members.len() => {
            let permuted = places
                .iter()
                .filter_map(|place| before.get(*place).copied());
            *members = permuted.collect();
        }
        Order::Permuted(_) => {}
        Order::IntegersBehind(count) => {
            let is_integer = |(key, _): &(usize, usize)| is_index(key_of(document, *key));
            let (integers, others): (Vec<_>, Vec<_>) = before.iter().copied().partition(is_integer);
            let (head, tail) = others.split_at_checked(*count).unwrap_or((&others, &[]));
            *members = [head, &integers, tail].concat();
        }
    }
    *members != before
}

fn key_of<'a>(document: &Document<'a>, key: usize) -> &'a str {
    let token = document.tokens.get(key);
    token
        .map(|token| document.literal(*token))
        .unwrap_or_default()
}
