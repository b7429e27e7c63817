"""The shape of each catalog file: strict pydantic models of what people write."""

from nextbest_rules.loading.documents.actions import (
    ActionDocument,
    ActionsDocument,
    OwnConditionDocument,
    SubjectDocument,
    TreatmentDocument,
    ValidityDocument,
)
from nextbest_rules.loading.documents.conditions import ConditionsDocument, NamedConditionDocument
from nextbest_rules.loading.documents.context_weights import ContextWeightDocument
from nextbest_rules.loading.documents.events import EventsDocument, EventTypeDocument, StreamDocument
from nextbest_rules.loading.documents.experiments import (
    ArmDocument,
    ExperimentDocument,
    ExperimentsDocument,
    HoldoutDocument,
    ShadowDocument,
)
from nextbest_rules.loading.documents.fields import Attribute, Document, Id, Name, Text
from nextbest_rules.loading.documents.head import (
    AttributeDocument,
    CatalogDocument,
    EmphasisDocument,
    MemoryDocument,
    NamespaceDocument,
)
from nextbest_rules.loading.documents.placements import PlacementDocument, PlacementsDocument
from nextbest_rules.loading.documents.policies import (
    BoughtDocument,
    CapDocument,
    ConditionDocument,
    ConsentDocument,
    ContactPolicyDocument,
    DeclinedDocument,
    DoNotContactDocument,
    ExclusiveDocument,
    GuardDocument,
    OwnedDocument,
    PoliciesDocument,
    PromotionDocument,
    QuietHoursDocument,
    SuppressionDocument,
)
from nextbest_rules.loading.documents.schemas import (
    AffinityDocument,
    ContextDocument,
    FactDocument,
    FactsDocument,
    FeatureDocument,
    FeaturesDocument,
)
from nextbest_rules.loading.documents.segments import SegmentDocument, SegmentsDocument
from nextbest_rules.loading.documents.selectors import LeverDocument, PlainSelectorDocument, SelectorDocument

__all__ = [
    "ActionDocument",
    "ActionsDocument",
    "AffinityDocument",
    "ArmDocument",
    "Attribute",
    "AttributeDocument",
    "BoughtDocument",
    "CapDocument",
    "CatalogDocument",
    "ConditionDocument",
    "ConditionsDocument",
    "ConsentDocument",
    "ContactPolicyDocument",
    "ContextDocument",
    "ContextWeightDocument",
    "DeclinedDocument",
    "DoNotContactDocument",
    "Document",
    "EmphasisDocument",
    "EventTypeDocument",
    "EventsDocument",
    "ExclusiveDocument",
    "ExperimentDocument",
    "ExperimentsDocument",
    "FactDocument",
    "FactsDocument",
    "FeatureDocument",
    "FeaturesDocument",
    "GuardDocument",
    "HoldoutDocument",
    "Id",
    "LeverDocument",
    "MemoryDocument",
    "Name",
    "NamedConditionDocument",
    "NamespaceDocument",
    "OwnConditionDocument",
    "OwnedDocument",
    "PlacementDocument",
    "PlacementsDocument",
    "PlainSelectorDocument",
    "PoliciesDocument",
    "PromotionDocument",
    "QuietHoursDocument",
    "SegmentDocument",
    "SegmentsDocument",
    "SelectorDocument",
    "ShadowDocument",
    "StreamDocument",
    "SubjectDocument",
    "SuppressionDocument",
    "Text",
    "TreatmentDocument",
    "ValidityDocument",
]
