"""Is a second factor really demanded of this person, and where not? Conditional Access, worked out offline.

    documents   a policy's JSON as a value; what is not understood keeps its name
    people      whom it applies to, in three-valued logic
    scenarios   the situations in which the policies differ
    grants      what it demands: clauses that must be met, each a choice of ways
    coverage    all policies of one person together: the verdict
    gaps        where no second factor is asked for, in words

Source  https://learn.microsoft.com/entra/identity/conditional-access/concept-conditional-access-policies
"""
