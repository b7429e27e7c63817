"""Makes a store ready for a catalog: keys numbered, schemas known, the secret there. Blocking."""

from collections.abc import Iterable
from typing import NamedTuple

from nextbest_models.affinity import AffinityKey, AffinityKeys
from nextbest_models.online import OnlineFeatures
from nextbest_service.store.connection import SyncClient
from nextbest_service.store.feature_codec import FeatureCodec
from nextbest_service.store.person_codec import PersonCodec
from nextbest_service.store.registry import AffinityDictionary, register_affinity_keys, register_schema
from nextbest_service.store.secret import read_key_ring


class Prepared(NamedTuple):
    """What it takes to write and read persons in one store."""

    codec: PersonCodec
    dictionary: AffinityDictionary


def prepare(client: SyncClient, features: OnlineFeatures, wanted: Iterable[AffinityKey]) -> Prepared:
    """Register what the features and their affinity keys need, and return how persons look in this store."""
    dictionary = register_affinity_keys(client, wanted)
    codec = FeatureCodec(features, AffinityKeys(dictionary.keys), dictionary.epoch)
    register_schema(client, codec)
    return Prepared(PersonCodec(read_key_ring(client), codec), dictionary)
