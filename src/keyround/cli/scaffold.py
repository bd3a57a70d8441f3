"""What `keyround rules new` begins a rule with: every key explained, and what to write next."""

SCAFFOLD = '''\
# One sentence for whoever reads this file: what is this rule about?
id         = "RULE-ID"  # the file's name
title      = "Write: the problem, in at most 60 characters"
severity   = "medium"    # critical, high, medium, low or info: `keyround rules list` says what they mean
confidence = "likely"    # certain: a finding is a fact; likely: it usually holds; hint: worth a look
topic      = "accounts"  # passwords, administrators, sign_ins, accounts, apps, updates, awareness or recovery
nature     = "state"     # state: true until somebody changes it; event: it happened, and leaves the window again
subject    = "accounts"  # what a subject is: accounts (their account_id) or tenants (the tenant)
effort     = "minutes"   # minutes, hours or days
takes      = { once = 0.25, each = 0.25 }  # hours of work: once, and for each subject that is found
action     = "Write: what to decide, in the imperative, at most 80 characters"

# Two or three sentences that a manager understands: what can happen, and why it matters here.
why = """
Write: why this matters.
"""

# Numbered steps with the menu path, one text for each provider. Where the question does not exist for one of them:
# not_for = ["google"], and no steps.
fix.m365 = """
1. Write: Entra admin centre > ...
"""
fix.google = """
1. Write: Admin console > ...
"""

# Where the first of these steps is done: one address for each provider, of a page that every organisation has.
# page.m365   = "https://entra.microsoft.com/#view/..."
# page.google = "https://admin.google.com/ac/..."

# Ready to be sent to the people concerned, or to be read to them on the phone where an intruder could read along. Three
# to seven plain sentences: what is going to happen, what they do, whom they ask. It is sent as it stands: no names.
message = """
Write: a message.
"""

# The same in another language: a file of this name in a folder such as `de` beside this one, with title, action, why,
# message, fix.m365, fix.google, and follows and meaning.days where they stand here.

# Pages of the provider that the rule rests on.
references = []

# Ids of a benchmark, if one asks for the same: controls.cis_m365, controls.cis_google, controls.scuba_m365 or
# controls.scuba_google = ["1.1.1"].

# Numbers that a client may want to change. The select uses them as $days.
# parameters   = { days = 90 }
# meaning.days = "days without any use"

# One row for each subject in scope. Columns: subject; failing (true: fails, false: passes, null: not known); perhaps
# aspect (a stable text such as a country) and severity; all others are shown as facts, so no ids. `keyround tables`
# explains the tables. Null means that the provider did not say: never turn it into yes or no. To sum up several rows
# use any_true(...) and all_true(...), which keep null alive. $now, $since, $until and $home_countries are given.
select = \'\'\'
select account_id as subject,
       null::boolean as failing,
       coalesce(username, display_name) as account
from accounts
where enabled is not false
\'\'\'

# Rows in, verdicts out. The first case fails until the select above decides something. Write one for each verdict:
# fail, pass, unknown; and give in one of them an account that is out of scope, which `expect` does not name.
[[case]]
name = "write next: `failing` in the select, true for what is wrong with ada"
given.accounts = [{ account_id = "ada", enabled = true }, { account_id = "out", enabled = false }]
expect = { ada = "fail" }
'''
